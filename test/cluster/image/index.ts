export { buildImage } from './build.ts';
export type { Image } from './build.ts';
export { inImageRoot } from './root.ts';
export type { ImageUser } from './root.ts';
