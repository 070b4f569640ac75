export { KeptFile } from './kept-file.ts';
export type { KeptFileOptions } from './kept-file.ts';
