import { BlockList, isIPv6 } from 'node:net';
import { familyOf } from './address.ts';

/** The 4 or 16 bytes of a canonical address, most significant first. */
export function addressBytes(address: string): Uint8Array {
  if (!isIPv6(address)) return Uint8Array.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255]));
}

/** Whether an address lies in one of these CIDRs, ranges `a-b` or single addresses (canonical text, as nft prints). */
export function contains(ranges: readonly string[], address: string): boolean {
  const family = familyOf(address) === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', length] = range.split('/');
    const [from = '', to] = network.split('-');
    if (familyOf(from) !== familyOf(address)) continue;
    if (to !== undefined) list.addRange(from, to, family);
    else if (length === undefined) list.addAddress(network, family);
    else list.addSubnet(network, Number(length), family);
  }
  return list.check(address, family);
}
