import { isDeepStrictEqual } from 'node:util';
import {
  MalformedMessageError,
  messages,
  netfilterAttributes,
  Payload,
  writeNetfilterHeader,
} from '../../../src/netlink/index.ts';
import type { MessageWriter } from '../../../src/netlink/index.ts';
import { ctStateNew, goto } from '../../../src/nftables/index.ts';
import type { SetDefinition } from '../../../src/nftables/index.ts';
import {
  decodeChain,
  decodeElement,
  decodeRule,
  decodeSet,
  decodeTable,
  encodeChain,
  encodeElement,
  encodeRule,
  encodeSet,
  encodeTable,
  joinIntervals,
} from '../../../src/nftables/objects/index.ts';
import type { Element, Mark } from '../../../src/nftables/objects/index.ts';
import type { Target } from '../engine/target.ts';
import { eachMessage, message } from './netlink.ts';
import { check, promised } from './promised.ts';

const nft = (write: (writer: MessageWriter) => void): Uint8Array =>
  message(0x0a00, (writer) => {
    writeNetfilterHeader(writer, 1);
    write(writer);
  });

/** Sets of every shape that the data plane has, with an element each. */
const sets: readonly (readonly [set: SetDefinition, element: Omit<Element, 'set'>])[] = [
  [
    { name: 'a', key: ['ipv4_addr', 'inet_proto', 'inet_service'], data: 'verdict' },
    { key: '10.96.0.1 . tcp . 80', data: 'goto c' },
  ],
  [
    { name: 'b', key: ['ipv6_addr', 'inet_proto', 'inet_service', 'slot'], data: ['ipv6_addr', 'inet_service'] },
    { key: 'fd00::1 . udp . 53 . 7', data: 'fd00::2 . 5353' },
  ],
  [{ name: 'c', key: ['ipv4_addr'], interval: true }, { key: '10.0.0.0/8' }],
  [
    { name: 'd', key: ['ipv6_addr'], interval: true, data: 'verdict' },
    { key: 'fd00::/64', data: 'drop' },
  ],
  [
    { name: 'e', key: ['ipv4_addr', 'inet_service', 'ipv4_addr'], interval: true },
    { key: '10.0.0.1 . 80 . 10.0.0.0/8' },
  ],
  [
    { name: 'f', key: ['slot', 'ipv4_addr'], timeout: true, dynamic: true, counter: true },
    { key: '3 . 10.0.0.1', timeoutSeconds: 60 },
  ],
];

function elementAttributes(set: SetDefinition, element: Element): Uint8Array {
  return message(0, (writer) => encodeElement(writer, set, element));
}

/** The LIST_ELEM attributes in a message without a header of its own. */
function readElements(set: SetDefinition, input: Uint8Array): Mark[] {
  return [...messages(Payload.of(input))].flatMap(({ payload }) =>
    [...payload.attributes()].map(([, item]) => decodeElement(set, item)),
  );
}

/** Verdicts that are written; the kernel has others. */
const verdict = /^(?:accept|drop|return|continue|(?:jump|goto) .*)$/s;

/** Elements of maps without data, and with a verdict of the kernel's own, are read; nobody writes them. */
function isWritable(set: SetDefinition, { data }: Element): boolean {
  return set.data === undefined || (data !== undefined && (set.data !== 'verdict' || verdict.test(data)));
}

export const nftablesTargets: readonly Target[] = [
  {
    name: 'nftables.objects',
    promise: 'a table, chain, rule or set of a dump is read, or MalformedMessageError',
    kind: 'bytes',
    seeds: [
      nft((writer) => encodeTable(writer, 'nftproxy', { owner: true, comment: 'by nftproxy' })),
      nft((writer) =>
        encodeChain(writer, 'nftproxy', {
          name: 'x',
          base: { type: 'nat', hook: 'output', priority: -100 },
          comment: 'y',
        }),
      ),
      nft((writer) =>
        encodeRule(
          writer,
          'nftproxy',
          { chain: 'x', statements: [ctStateNew(), goto('y')], comment: 'z' },
          { anonymousSet: () => ({ name: '__set%d', id: 1 }), names: { set: (name) => name, chain: (name) => name } },
        ),
      ),
      ...sets.map(([set]) => nft((writer) => encodeSet(writer, 'nftproxy', { ...set, comment: 'c', size: 100 }, 1))),
    ],
    run: (input) => {
      for (const read of [
        decodeTable,
        (each: Parameters<typeof decodeTable>[0]) => decodeChain(netfilterAttributes(each)),
        (each: Parameters<typeof decodeTable>[0]) => decodeRule(netfilterAttributes(each)),
        (each: Parameters<typeof decodeTable>[0]) => decodeSet(netfilterAttributes(each)),
      ]) {
        eachMessage(input, (each) => void read(each));
      }
    },
  },
  {
    name: 'nftables.elements',
    promise: 'elements that are read can be written, and are then the same; or MalformedMessageError',
    kind: 'bytes',
    seeds: sets.map(([set, element]) => elementAttributes(set, { set: set.name, ...element })),
    run: (input) => {
      for (const [set] of sets) {
        const elements = promised([MalformedMessageError], () => joinIntervals(set, readElements(set, input)));
        for (const element of (elements ?? []).filter((each) => isWritable(set, each))) {
          const written = joinIntervals(set, readElements(set, elementAttributes(set, element)));
          const counted = written.map((each) => ({ ...element, ...each }));
          check(
            isDeepStrictEqual(counted, [element]),
            `${JSON.stringify(element)} is written as ${JSON.stringify(written)}`,
          );
        }
      }
    },
  },
];
