export { pageHandler } from './page-handler.ts';
export type { Told } from './page-handler.ts';
