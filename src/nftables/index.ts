export { SyntaxFault } from './address.ts';
export type { Generation } from './commit.ts';
export type { Element } from './elements.ts';
export type { FieldType } from './fields.ts';
export { mergePrefixes } from './intervals.ts';
export { NetlinkError } from '../netlink/error.ts';
export type { Culprit } from '../netlink/error.ts';
export type { SocketOptions } from '../netlink/socket.ts';
export type { ChainInfo, TableFamily, TableInfo } from './objects.ts';
export { fingerprint, ruleText } from './rules.ts';
export type { Rule, RuleInfo } from './rules.ts';
export type { SetDefinition } from './sets.ts';
export { NftablesSocket } from './socket.ts';
export type { Commit } from './socket.ts';
export * from './expressions/statements.ts';
export { Transaction } from './transaction.ts';
export type { ChainDefinition, TableOptions } from './transaction.ts';
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
} from './expressions/values.ts';
export type { Family, Value } from './expressions/values.ts';
export type { ConntrackEntry, ConntrackFilter, ConntrackTuple } from '../conntrack/entry.ts';
export { ConntrackSocket } from '../conntrack/socket.ts';
export { probeFeatures } from './features.ts';
export type { Features } from './features.ts';
