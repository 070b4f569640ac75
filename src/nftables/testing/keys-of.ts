import fc from 'fast-check';
import { formatIpv4, formatIpv6 } from '../../ip/index.ts';
import type { FieldType } from '../objects/index.ts';

/** Random canonical texts for property tests of this folder; never imported by product code. */
const texts: Readonly<Record<FieldType, fc.Arbitrary<string>>> = {
  ipv4_addr: fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => formatIpv4(bytes, 0)),
  ipv6_addr: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => formatIpv6(bytes, 0)),
  inet_proto: fc.constantFrom('tcp', 'udp', 'sctp', '1', '255'),
  inet_service: fc.nat(0xffff).map(String),
  slot: fc.nat(0xffff_ffff).map(String),
};

/** Keys or data of these types. */
export function keysOf(types: readonly FieldType[]): fc.Arbitrary<string> {
  return fc.tuple(...types.map((type) => texts[type])).map((fields) => fields.join(' . '));
}
