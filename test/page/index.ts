export { Browser } from './browser.ts';
export type { View } from './browser.ts';
export { midRollout, now } from './scene.ts';
