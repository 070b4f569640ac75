export { convert } from './convert.ts';
export type { Conversion } from './convert.ts';
export { readKubeProxyConfiguration } from './read.ts';
export { conversionText, fieldName } from './text.ts';
