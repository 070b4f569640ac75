import fc from 'fast-check';
import { counter, drop, goto, ipDaddr, jump, lookup, thDport, updateMap, updateSet, verdictMap } from '../../index.ts';
import type { ChainDefinition, Element, SetDefinition, Statement } from '../../index.ts';

/** A universe so small that random changes meet. */
export const tables = ['t', 'u'] as const;

export const ranges: SetDefinition = { name: 'ranges', key: ['ipv4_addr'], interval: true };

export const sets: readonly SetDefinition[] = [
  { name: 'exact', key: ['ipv4_addr', 'inet_service'] },
  { name: 'small', key: ['inet_service'], size: 3 },
  { name: 'counted', key: ['ipv4_addr'], counter: true },
  { name: 'data', key: ['ipv4_addr', 'inet_proto', 'slot'], data: ['ipv4_addr', 'inet_service'] },
  { name: 'verdicts', key: ['inet_service'], data: 'verdict' },
  ranges,
  { name: 'boxes', key: ['inet_service', 'ipv4_addr'], interval: true },
  { name: 'learned', key: ['ipv4_addr'], dynamic: true, timeout: true, size: 4 },
  { name: 'clients', key: ['ipv4_addr'], data: ['ipv4_addr', 'inet_service'], dynamic: true, timeout: true, size: 8 },
];

/** `p` and `o` are base chains. Rules lead only onwards in this order, so that there are no loops. */
export const chains: readonly ChainDefinition[] = [
  { name: 'p', base: { type: 'filter', hook: 'input', priority: 0 } },
  { name: 'o', base: { type: 'nat', hook: 'output', priority: -100 }, comment: 'a base chain' },
  { name: 'a', comment: 'the first' },
  { name: 'b' },
  { name: 'c' },
];

const ports = fc.constantFrom('1', '2', '3', '4', '5');
const addresses = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.9');
const someRanges = fc.constantFrom(
  '10.0.0.0/8',
  '10.0.0.0/9',
  '10.128.0.0/9',
  '10.1.0.0/16',
  '10.1.2.3',
  '10.0.0.5-10.0.0.9',
  '10.0.0.7-10.2.0.0',
  '0.0.0.0/0',
  '255.255.255.255',
);
const targets = fc.constantFrom('goto b', 'jump c', 'goto c', 'drop', 'accept', 'goto p', 'goto nowhere');

/** Elements by set, with few keys and little data. */
export const elementsOfSet: Readonly<Record<string, fc.Arbitrary<Omit<Element, 'set'>>>> = {
  exact: fc.tuple(addresses, ports).map(([address, port]) => ({ key: `${address} . ${port}` })),
  small: ports.map((key) => ({ key })),
  counted: addresses.map((key) => ({ key })),
  data: fc
    .tuple(addresses, fc.constantFrom('tcp', 'udp'), fc.constantFrom('0', '1'), ports)
    .map(([address, protocol, slot, port]) => ({
      key: `${address} . ${protocol} . ${slot}`,
      data: `${address} . ${port}`,
    })),
  verdicts: fc.tuple(ports, targets).map(([key, data]) => ({ key, data })),
  ranges: someRanges.map((key) => ({ key })),
  boxes: fc.tuple(fc.constantFrom('1', '2'), someRanges).map(([port, range]) => ({ key: `${port} . ${range}` })),
  learned: fc.tuple(addresses, fc.constantFrom(3600, 7200)).map(([key, timeoutSeconds]) => ({ key, timeoutSeconds })),
  clients: fc.tuple(addresses, ports, fc.constantFrom(undefined, 3600)).map(([key, port, timeoutSeconds]) => ({
    key,
    data: `10.9.9.9 . ${port}`,
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  })),
};

function onwards(chain: string): fc.Arbitrary<string> {
  const names = chains.map(({ name }) => name);
  return fc.constantFrom(...names.slice(Math.max(names.indexOf(chain) + 1, 2)), 'nowhere');
}

/** Also some that do not suit their set: the kernel says so. */
export function statements(chain: string): fc.Arbitrary<readonly Statement[]> {
  const address = ipDaddr(4);
  return fc.oneof(
    fc.constantFrom<readonly Statement[]>(
      [counter(), drop()],
      [lookup(address, 'ranges'), drop()],
      [lookup(address, 'counted'), counter()],
      [lookup(thDport(), 'small'), lookup(address, 'nowhere')],
      [lookup(address, 'clients')],
      [verdictMap(thDport(), 'small')],
      [updateSet('learned', address, 60)],
      [updateSet('clients', address, 60)],
      [updateSet('counted', address, 60)],
      [updateMap('learned', address, thDport(), 60)],
    ),
    ...(chain === 'c' ? [] : [onwards(chain).map((target) => [goto(target)])]),
    ...(chain === 'c' ? [] : [onwards(chain).map((target) => [jump(target), drop()])]),
    // Verdicts lead to b and c.
    ...(chain === 'b' || chain === 'c' ? [] : [fc.constant([verdictMap(thDport(), 'verdicts')])]),
  );
}
