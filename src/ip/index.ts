export { canonicalAddress, familyOf, parseCidr, withoutOverlaps } from './address.ts';
export type { Cidr, Family } from './address.ts';
export { addressBytes, contains } from './bytes.ts';
export { protocolName, protocolNumber } from './protocol.ts';
