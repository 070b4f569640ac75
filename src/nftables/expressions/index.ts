export { encodeCounter, ExpressionEncoder } from './encoder.ts';
export type { AnonymousSet, AnonymousSetMaker } from './encoder.ts';
export * from './statements.ts';
export {
  concat,
  ctOriginalDaddr,
  ctOriginalDport,
  ipDaddr,
  ipSaddr,
  jhash,
  l4proto,
  numgenInc,
  numgenRandom,
  thDport,
  thSport,
} from './values.ts';
export type { Family, Value } from './values.ts';
export { decodeVerdict, encodeVerdict } from './verdicts.ts';
