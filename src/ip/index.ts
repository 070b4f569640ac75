export { addressBytes, addressFault, canonicalAddress, familyOf, placeText } from './address.ts';
export { formatIpv4, formatIpv6, readAddress } from './bytes.ts';
export type { Family } from './bytes.ts';
export { cidrFault, parseCidr } from './prefix.ts';
export type { Cidr } from './prefix.ts';
export { protocolName, protocolNumber } from './protocol.ts';
export {
  addressNumber,
  contains,
  formatNumber,
  formatRange,
  lastNumber,
  mergePrefixes,
  numberBytes,
  parseRange,
  prefixLengthOf,
} from './ranges.ts';
export type { AddressRange } from './ranges.ts';
