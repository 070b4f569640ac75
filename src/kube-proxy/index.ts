export { convert } from './convert.ts';
export type { Conversion } from './convert.ts';
export { readKubeProxyConfiguration } from './read.ts';
export { conversionText } from './text.ts';
