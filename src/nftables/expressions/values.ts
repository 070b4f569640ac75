import { conntrackKey, metaKey, register } from './encoder.ts';
import type { ExpressionEncoder } from './encoder.ts';

/** Something a rule can look up, compare or hash: a part of the packet or its connection, or a number made up for it. */
export interface Value {
  /** As nft writes it. */
  readonly text: string;
  /** Registers it takes, in 4-byte words. */
  readonly words: number;
  /** Bytes of the value itself, without padding. */
  readonly length: number;
  /** What must be known of the packet before it can be read. */
  readonly family?: 4 | 6;
  /** Where it is in a header, if it is. */
  readonly payload?: { readonly base: 'network' | 'transport'; readonly offset: number };
  /** Writes the expressions that load it into `word`; words from `scratch` on are free for what it needs itself. */
  readonly load: (encoder: ExpressionEncoder, word: number, scratch: number) => void;
}

/** IP family of a header. */
export type Family = 4 | 6;

function header(text: string, base: 'network' | 'transport', offset: number, length: number, family?: Family): Value {
  return {
    text,
    words: Math.ceil(length / 4),
    length,
    ...(family === undefined ? {} : { family }),
    payload: { base, offset },
    load: (encoder, word) => {
      encoder.payload(base, offset, length, word);
    },
  };
}

/** `ip saddr` or `ip6 saddr`. */
export function ipSaddr(family: Family): Value {
  return family === 4 ? header('ip saddr', 'network', 12, 4, 4) : header('ip6 saddr', 'network', 8, 16, 6);
}

/** `ip daddr` or `ip6 daddr`. */
export function ipDaddr(family: Family): Value {
  return family === 4 ? header('ip daddr', 'network', 16, 4, 4) : header('ip6 daddr', 'network', 24, 16, 6);
}

/** `th sport`: of TCP, UDP, SCTP and whatever else starts with two ports. */
export function thSport(): Value {
  return header('th sport', 'transport', 0, 2);
}

/** `th dport`. */
export function thDport(): Value {
  return header('th dport', 'transport', 2, 2);
}

/** `meta l4proto`. */
export function l4proto(): Value {
  return { text: 'meta l4proto', words: 1, length: 1, load: (encoder, word) => encoder.meta(metaKey.l4proto, word) };
}

/** `ct original ip daddr`: where the connection was first sent to. No match for a connection of the other family. */
export function ctOriginalDaddr(family: Family): Value {
  const key = family === 4 ? conntrackKey.destinationIp : conntrackKey.destinationIp6;
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
    load: (encoder, word) => encoder.conntrack(conntrackKey.protocolDestination, word, 'original'),
  };
}

/** NFT_NG_* */
const numgenType = { inc: 0, random: 1 } as const;

function numgen(type: 'inc' | 'random', modulus: number, offset: number): Value {
  checkModulus(modulus);
  return {
    text: `numgen ${type} mod ${modulus}${offset === 0 ? '' : ` offset ${offset}`}`,
    words: 1,
    length: 4,
    load: (encoder, word) => {
      encoder.expression('numgen', (writer) => {
        writer.number(1, register(word));
        writer.number(2, modulus);
        writer.number(3, numgenType[type]);
        writer.number(4, offset);
      });
    },
  };
}

/** `numgen random mod 3`: 0, 1 or 2, plus `offset`. */
export function numgenRandom(modulus: number, offset = 0): Value {
  return numgen('random', modulus, offset);
}

/** `numgen inc mod 3`: counts the packets that come by this one rule, on all processors. */
export function numgenInc(modulus: number, offset = 0): Value {
  return numgen('inc', modulus, offset);
}

/**
 * `jhash ip saddr mod 1021 seed 0x1234`: the same on every node of the same byte order.
 * Multiply-shift of the kernel's jhash over the values' registers, pad bytes included.
 */
export function jhash(values: readonly Value[], modulus: number, seed: number): Value {
  checkModulus(modulus);
  const key = concat(...values);
  // The kernel hashes whole registers of a concatenation, but only the bytes of a single value.
  const length = values.length === 1 ? key.length : key.words * 4;
  return {
    text: `jhash ${key.text} mod ${modulus} seed 0x${seed.toString(16)}`,
    words: 1,
    length: 4,
    ...(key.family === undefined ? {} : { family: key.family }),
    load: (encoder, word, scratch) => {
      key.load(encoder, scratch, scratch + key.words);
      encoder.expression('hash', (writer) => {
        writer.number(1, register(scratch));
        writer.number(2, register(word));
        writer.number(3, length);
        writer.number(4, modulus);
        writer.number(5, seed);
        writer.number(7, 0);
      });
    },
  };
}

/** `ip daddr . meta l4proto . th dport`. */
export function concat(...values: readonly Value[]): Value {
  const [only] = values;
  if (values.length === 1 && only !== undefined) return only;
  const words = values.reduce((sum, value) => sum + value.words, 0);
  const families = new Set(values.flatMap((value) => value.family ?? []));
  if (families.size > 1) throw new TypeError('a packet is not of both IP families');
  const [family] = families;
  return {
    text: values.map((value) => value.text).join(' . '),
    words,
    length: words * 4,
    ...(family === undefined ? {} : { family }),
    load: (encoder, word, scratch) => {
      let position = word;
      for (const value of values) {
        value.load(encoder, position, scratch);
        position += value.words;
      }
    },
  };
}

/** Loads a value into `word`, after making sure of the packet's family. Scratch words start at a 16-byte register. */
export function loadValue(encoder: ExpressionEncoder, value: Value, word: number): void {
  if (value.family !== undefined) encoder.requireFamily(value.family);
  value.load(encoder, word, (word + value.words + 3) & ~3);
}

function checkModulus(modulus: number): void {
  if (!Number.isInteger(modulus) || modulus < 1 || modulus > 0xffff_ffff)
    throw new RangeError(`not a modulus: ${modulus}`);
}
