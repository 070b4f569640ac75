import { addressBytes, formatNumber } from '../../ip/index.ts';
import type { Family, Protocol } from '../../services/index.ts';
import { names } from './chains.ts';
import type { Forks } from './tree.ts';
import { from, originally, rule, to, toPorts } from './words.ts';

/* Keys of trees: digits of an address, one of a protocol, four of a port, as much of that as there is. */

const protocolDigits: Readonly<Record<Protocol, string>> = { tcp: '1', udp: '2', sctp: '3' };
const protocolOf = new Map(Object.entries(protocolDigits).map(([protocol, digit]) => [digit, protocol as Protocol]));
const addressDigits = { 4: 8, 6: 32 } as const;
const portDigits = 4;

export function addressKey(address: string): string {
  return Buffer.from(addressBytes(address)).toString('hex');
}

export function portKey(protocol: Protocol, port: number): string {
  return `${protocolDigits[protocol]}${port.toString(16).padStart(portDigits, '0')}`;
}

/** What keys that begin alike have in common. */
interface Common {
  /** With its length; undefined if the tree has no addresses. */
  readonly range: string | undefined;
  readonly protocol?: Protocol;
  /** One, or `first:last`. */
  readonly ports?: string;
}

function commonOf(digits: string, addressLength: number): Common {
  const range = addressLength === 0 ? undefined : rangeOf(digits.slice(0, addressLength), addressLength);
  const protocol = protocolOf.get(digits[addressLength] ?? '');
  if (protocol === undefined) return { range };
  const port = digits.slice(addressLength + 1);
  if (port === '') return { range, protocol };
  const [first, last] = ['0', 'f'].map((digit) => Number.parseInt(port.padEnd(portDigits, digit), 16));
  return { range, protocol, ports: first === last ? `${first}` : `${first}:${last}` };
}

function rangeOf(digits: string, length: number): string {
  const family = length === addressDigits[4] ? 4 : 6;
  return `${formatNumber(BigInt(`0x${digits.padEnd(length, '0')}`), family)}/${digits.length * 4}`;
}

const destination = ({ range, protocol, ports }: Common): string =>
  rule(
    range === undefined ? '' : to(range),
    protocol === undefined ? '' : ports === undefined ? `-p ${protocol}` : toPorts(protocol, ports),
  );
const original = ({ range, protocol, ports }: Common): string =>
  rule(protocol === undefined ? '' : `-p ${protocol}`, originally(range, ports));

/** The trees of one family, by the place in which their rules are. */
export function forksOf(family: Family): Record<TreeName, Forks> {
  const digits = addressDigits[family];
  const withAddress = (root: string, say: (common: Common) => string): Forks => ({
    root,
    match: (key) => say(commonOf(key, digits)),
  });
  const withoutAddress = (root: string, say: (common: Common) => string): Forks => ({
    root,
    match: (key) => say(commonOf(key, 0)),
  });
  return {
    'nat addresses': withAddress(names.addresses, destination),
    'nat nodePorts': withoutAddress(names.nodePorts, destination),
    'nat hairpin': withAddress(names.hairpin, ({ range = '' }) => from(range)),
    'nat masquerade': withAddress(names.masquerade, original),
    'nat masqueradeNodePorts': withoutAddress(names.masqueradeNodePorts, original),
    'filter addresses': withAddress(names.addresses, destination),
    'filter nodePorts': withoutAddress(names.nodePorts, destination),
  };
}

export type TreeName =
  | 'nat addresses'
  | 'nat nodePorts'
  | 'nat hairpin'
  | 'nat masquerade'
  | 'nat masqueradeNodePorts'
  | 'filter addresses'
  | 'filter nodePorts';
