export { accept, counter, drop, flowAdd, goto, jump, masquerade, reject, rejectWithTcpReset } from './actions.ts';
export {
  counterAttribute,
  dataAttribute,
  dynamicSetAttribute,
  expressionAttribute,
  flowAttribute,
  immediateAttribute,
  lookupAttribute,
  registerNumber,
  verdictAttribute,
} from './constants.ts';
export { decodeCounter, encodeCounter } from './counters.ts';
export { ExpressionEncoder } from './encoder.ts';
export type { AnonymousSet, AnonymousSetMaker } from './encoder.ts';
export { dnatFromMap, lookup, verdictMap } from './lookups.ts';
export {
  comparePrefix,
  ctStateEstablished,
  ctStateNew,
  ctStatusDnat,
  fibLocal,
  iifname,
  matchL4Protocol,
  matchL4Protocols,
  nfproto,
} from './matches.ts';
export { jhashMod, numgenInc, numgenRandom } from './number-values.ts';
export { ctOriginalDaddr, ctOriginalDport, ipDaddr, ipSaddr, l4proto, thDport, thSport } from './packet-values.ts';
export type { Statement } from './statement.ts';
export { deleteFromMap, updateMap, updateSet } from './updates.ts';
export { concat } from './value.ts';
export type { Value } from './value.ts';
export { decodeVerdict, encodeVerdict } from './verdicts.ts';
