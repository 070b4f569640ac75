export type { LastGood } from './content.ts';
export { LastGoodFile } from './last-good-file.ts';
