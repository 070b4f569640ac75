export { CommitError } from './commit-error.ts';
export type { Culprit } from './commit-error.ts';
export {
  accept,
  comparePrefix,
  concat,
  counter,
  ctOriginalDaddr,
  ctOriginalDport,
  ctStateEstablished,
  ctStateNew,
  ctStatusDnat,
  deleteFromMap,
  dnatFromMap,
  drop,
  fibLocal,
  flowAdd,
  goto,
  iifname,
  ipDaddr,
  ipSaddr,
  jhashMod,
  jump,
  l4proto,
  lookup,
  masquerade,
  matchL4Protocol,
  matchL4Protocols,
  nfproto,
  numgenInc,
  numgenRandom,
  reject,
  rejectWithTcpReset,
  thDport,
  thSport,
  updateMap,
  updateSet,
  verdictMap,
} from './expressions/index.ts';
export type { Statement, Value } from './expressions/index.ts';
export { probeFeatures, probeFlowtables } from './features.ts';
export type { Features } from './features.ts';
export type { ForeignChange, ForeignChanges } from './foreign-changes.ts';
export { fingerprint, ruleText } from './objects/index.ts';
export type {
  ChainDefinition,
  ChainInfo,
  Element,
  FieldType,
  Flowtable,
  IpTableFamily,
  Rule,
  RuleInfo,
  SetDefinition,
  SetInfo,
  TableFamily,
  TableInfo,
  TableOptions,
} from './objects/index.ts';
export { sameNames } from './names.ts';
export type { Names } from './names.ts';
export type { Generation } from './requests.ts';
export { NftablesSocket } from './socket.ts';
export type { ChainInTable, Commit } from './socket.ts';
export { Transaction } from './transaction.ts';
