import type { Family } from '../../ip/index.ts';
import { ctKey, metaKey } from './constants.ts';
import type { Value } from './value.ts';

type Place = NonNullable<Value['payload']>;

function header(text: string, place: Place, length: number, family?: Family): Value {
  return {
    text,
    words: Math.ceil(length / 4),
    length,
    ...(family === undefined ? {} : { family }),
    payload: place,
    load: (encoder, word) => {
      encoder.payload(place.base, place.offset, length, word);
    },
  };
}

function networkHeader(text: string, offset: number, length: number, family: Family): Value {
  return header(text, { base: 'network', offset }, length, family);
}

/** `ip saddr` or `ip6 saddr`. */
export function ipSaddr(family: Family): Value {
  return family === 4 ? networkHeader('ip saddr', 12, 4, 4) : networkHeader('ip6 saddr', 8, 16, 6);
}

/** `ip daddr` or `ip6 daddr`. */
export function ipDaddr(family: Family): Value {
  return family === 4 ? networkHeader('ip daddr', 16, 4, 4) : networkHeader('ip6 daddr', 24, 16, 6);
}

/** `th sport`: of TCP, UDP, SCTP and whatever else starts with two ports. */
export function thSport(): Value {
  return header('th sport', { base: 'transport', offset: 0 }, 2);
}

/** `th dport`. */
export function thDport(): Value {
  return header('th dport', { base: 'transport', offset: 2 }, 2);
}

/** `meta l4proto`. */
export function l4proto(): Value {
  return { text: 'meta l4proto', words: 1, length: 1, load: (encoder, word) => encoder.meta(metaKey.l4proto, word) };
}

/** `ct original ip daddr`: where the connection was first sent to. No match for a connection of the other family. */
export function ctOriginalDaddr(family: Family): Value {
  const key = family === 4 ? ctKey.destinationIp : ctKey.destinationIp6;
  return {
    text: family === 4 ? 'ct original ip daddr' : 'ct original ip6 daddr',
    words: family === 4 ? 1 : 4,
    length: family === 4 ? 4 : 16,
    load: (encoder, word) => encoder.conntrack(key, word, 'original'),
  };
}

/** `ct original proto-dst`. */
export function ctOriginalDport(): Value {
  return {
    text: 'ct original proto-dst',
    words: 1,
    length: 2,
    load: (encoder, word) => encoder.conntrack(ctKey.protocolDestination, word, 'original'),
  };
}
