import { servicesPriority } from '../dataplane/index.ts';
import {
  accept,
  comparePrefix,
  concat,
  ctOriginalDaddr,
  ctOriginalDport,
  ctStatusDnat,
  deleteFromMap,
  dnatFromMap,
  drop,
  fibLocal,
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
  updateMap,
  verdictMap,
} from '../nftables/index.ts';
import type { ChainDefinition, Element, SetDefinition, Statement, Value } from '../nftables/index.ts';

/** Something that the data plane is made of, as it is asked for: all of it in one table, each with a chain of its own. */
export interface Feature {
  readonly name: string;
  /** Of names that no other feature's set has; the rules of later features may look into it, too. */
  readonly sets?: readonly SetDefinition[];
  readonly elements?: readonly Element[];
  readonly rules?: readonly (readonly Statement[])[];
  readonly hooks?: readonly NonNullable<ChainDefinition['base']>[];
}

const families = [4, 6] as const;
type Family = (typeof families)[number];
const addressType = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;
const range = { 4: '192.0.2.0/24', 6: '2001:db8::/32' } as const;
const address = { 4: '192.0.2.1', 6: '2001:db8::1' } as const;

const frontend = (family: Family): Value => concat(ipDaddr(family), l4proto(), thDport());
const frontendFields = (family: Family) => [addressType[family], 'inet_proto', 'inet_service'] as const;
const endpointFields = (family: Family) => [addressType[family], 'inet_service'] as const;

function inBoth<Result>(make: (family: Family) => readonly Result[]): Result[] {
  return families.flatMap((family) => [...make(family)]);
}

/** `dnat` to the endpoint with the slot that `slot` computes. */
function dnatBy(slot: (family: Family) => Value): Statement[][] {
  return inBoth((family) => [
    [dnatFromMap(family, concat(ipDaddr(family), l4proto(), thDport(), slot(family)), `endpoints${family}`)],
  ]);
}

/** All without which there is no table; a test compares it with what the data plane writes. */
export const neededFeatures: readonly Feature[] = [
  {
    name: 'nat in inet tables',
    hooks: (['prerouting', 'input', 'output', 'postrouting'] as const).map((hook) => ({
      ...{ type: 'nat', hook, priority: hook === 'prerouting' || hook === 'output' ? servicesPriority : 100 },
    })),
  },
  {
    name: 'verdict maps',
    sets: inBoth((family) => [{ name: `services${family}`, key: frontendFields(family), data: 'verdict' }]),
    elements: inBoth((family) => [{ set: `services${family}`, key: `${address[family]} . tcp . 80`, data: 'drop' }]),
    rules: inBoth((family) => [[verdictMap(frontend(family), `services${family}`)]]),
  },
  {
    name: 'DNAT from a map, drawn at random',
    sets: inBoth((family) => [
      { name: `endpoints${family}`, key: [...frontendFields(family), 'slot'], data: endpointFields(family) },
    ]),
    rules: dnatBy(() => numgenRandom(4)),
  },
  { name: 'round robin', rules: dnatBy(() => numgenInc(4)) },
  { name: 'hashing (source-hash, maglev)', rules: dnatBy((family) => jhashMod([ipSaddr(family)], 4, 1)) },
  { name: 'masquerade', rules: [[ctStatusDnat(), masquerade({ fullyRandom: true })]] },
  {
    name: 'the original destination of connections',
    sets: inBoth((family) => [{ name: `frontends${family}`, key: frontendFields(family) }]),
    rules: inBoth((family) => [
      [lookup(concat(ctOriginalDaddr(family), l4proto(), ctOriginalDport()), `frontends${family}`)],
      [lookup(frontend(family), `frontends${family}`, { invert: true })],
    ]),
  },
  {
    name: 'ranges',
    sets: inBoth((family) => [{ name: `ranges${family}`, key: [addressType[family]], interval: true }]),
    elements: inBoth((family) => [{ set: `ranges${family}`, key: range[family] }]),
  },
  {
    name: 'counters of elements',
    sets: inBoth((family) => [{ name: `counted${family}`, key: frontendFields(family), counter: true }]),
  },
  {
    name: 'elements with timeouts, added and deleted by packets',
    sets: inBoth((family) => [
      { ...remembering(`clients${family}`), key: [addressType[family]], data: endpointFields(family) },
      { ...remembering(`left${family}`), key: endpointFields(family) },
    ]),
    elements: inBoth((family) => [{ set: `left${family}`, key: `${address[family]} . 80`, timeoutSeconds: 60 }]),
    rules: inBoth((family) => {
      const endpoint = concat(ipDaddr(family), thDport());
      return [
        [updateMap(`clients${family}`, ipSaddr(family), endpoint, 60)],
        [deleteFromMap(`clients${family}`, ipSaddr(family), endpoint)],
      ];
    }),
  },
  {
    name: 'fib',
    rules: [
      [fibLocal('daddr'), accept()],
      [fibLocal('saddr'), goto('target')],
    ],
  },
  { name: 'reject', rules: [[matchL4Protocol('tcp'), rejectWithTcpReset()], [reject()]] },
  {
    name: 'what packets are told apart by',
    rules: [
      [matchL4Protocols(['tcp', 'udp', 'sctp']), jump('target')],
      [nfproto(4), iifname('pod', { prefix: true }), drop()],
      ...inBoth((family) => [[comparePrefix(ipSaddr(family), '!=', range[family]), drop()]]),
    ],
  },
];

function remembering(name: string): Pick<SetDefinition, 'name' | 'dynamic' | 'timeout' | 'size'> {
  return { name, dynamic: true, timeout: true, size: 65_535 };
}

/** What the data plane works without, but not as well. */
export const optionalFeatures = [
  {
    name: 'tables with an owner',
    without: 'other programs can change the table of nftproxy; what they change is found and mended',
    table: { owner: true },
  },
  {
    name: 'owned tables that outlive their owner',
    without: 'the table has no owner, and other programs can change it; what they change is found and mended',
    table: { owner: true, persist: true },
  },
] as const;
