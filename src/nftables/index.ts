export { NetlinkError } from '../netlink/index.ts';
export type { Culprit, SocketOptions } from '../netlink/index.ts';
export { formatIpv4, formatIpv6, SyntaxFault, writeIpv4, writeIpv6 } from './address.ts';
export type { Generation } from './commit.ts';
export type { Element } from './elements.ts';
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
} from './expressions/index.ts';
export type { Family, Value } from './expressions/index.ts';
export { probeFeatures } from './features.ts';
export type { Features } from './features.ts';
export { protocolName, protocolNumber } from './fields.ts';
export type { FieldType } from './fields.ts';
export { mergePrefixes } from './intervals.ts';
export type { ChainInfo, TableFamily, TableInfo } from './objects.ts';
export { fingerprint, ruleText } from './rules.ts';
export type { Rule, RuleInfo } from './rules.ts';
export type { SetDefinition } from './sets.ts';
export { NftablesSocket } from './socket.ts';
export type { Commit } from './socket.ts';
export { Transaction } from './transaction.ts';
export type { ChainDefinition, TableOptions } from './transaction.ts';
export * from './expressions/index.ts';
