export { buildImage } from './build.ts';
export type { Image } from './build.ts';
export { besideInImageRoot, inImageRoot } from './root.ts';
export type { ImageUser, RootOptions } from './root.ts';
export { underRuntimeDefault } from './seccomp.ts';
