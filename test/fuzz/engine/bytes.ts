import type { Comparison } from './coverage.ts';
import { interestingNumbers } from './interesting.ts';
import type { Random } from '../../support/index.ts';
import type { Help, InputKind } from './target.ts';

/** Inputs do not grow beyond this. */
const longest = 1024;
/** Mutations of one input, one after the other. */
const mostMutations = 4;

type Bytes = Buffer;
type Mutation = (input: Bytes, help: Help<Uint8Array>) => Bytes;

/** Bytes: what decoders are given. */
export const bytesKind: InputKind<Uint8Array> = {
  mutate: (input, help) => {
    let result: Bytes = Buffer.from(input);
    for (let count = 1 + help.random.below(mostMutations); count > 0; count--) {
      result = help.random.pick(mutations)(result, help);
    }
    return Uint8Array.from(result.subarray(0, longest));
  },
  smaller: smallerBytes,
  // So that zeros count as smaller, too.
  size: (input) => 2 * input.length + input.filter((byte) => byte !== 0).length,
  text: (input) =>
    `hex ${Buffer.from(input).toString('hex')} text ${JSON.stringify(Buffer.from(input).toString('latin1'))}`,
};

/** Each length of number that a header may have, in both byte orders. */
const widths = [1, 2, 4] as const;

function place(input: Bytes, random: Random): number {
  return random.below(input.length + 1);
}

function splice(input: Bytes, at: number, remove: number, insert: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, at), insert, input.subarray(at + remove)]);
}

function encoded(value: number, width: (typeof widths)[number], little: boolean): Buffer {
  const bytes = Buffer.alloc(width);
  const number = value >>> 0;
  for (let index = 0; index < width; index++) bytes[little ? index : width - 1 - index] = number >>> (8 * index);
  return bytes;
}

/** Writes a number over what is there. */
function putNumber(input: Bytes, random: Random, value: number): Buffer {
  const bytes = encoded(value, random.pick(widths), random.once(2));
  // Headers lie at multiples of four, mostly.
  const at = random.once(2) ? place(input, random) : place(input, random) & ~3;
  return splice(input, at, bytes.length, bytes);
}

const mutations: readonly Mutation[] = [
  (input, { random }) => {
    if (input.length === 0) return input;
    const at = random.below(input.length);
    input[at] = (input[at] ?? 0) ^ (1 << random.below(8));
    return input;
  },
  (input, { random }) => {
    if (input.length > 0) input[random.below(input.length)] = random.below(256);
    return input;
  },
  (input, { random }) => {
    if (input.length === 0) return input;
    const at = random.below(input.length);
    input[at] = (input[at] ?? 0) + random.pick([-4, -1, 1, 4]);
    return input;
  },
  (input, { random }) => putNumber(input, random, random.pick(interestingNumbers)),
  (input, { random }) => putNumber(input, random, input.length - random.below(input.length + 1)),
  (input, { random }) => splice(input, place(input, random), 1 + random.below(16), Buffer.alloc(0)),
  (input, { random }) => input.subarray(0, place(input, random)),
  (input, { random }) => {
    const from = place(input, random);
    return splice(input, place(input, random), 0, Buffer.from(input.subarray(from, from + 1 + random.below(64))));
  },
  (input, { random, other }) => {
    const from = random.below(other.length + 1);
    return splice(input, place(input, random), random.below(2) * 16, other.subarray(from, from + 1 + random.below(64)));
  },
  (input, { random, other }) =>
    Buffer.concat([input.subarray(0, place(input, random)), other.subarray(random.below(other.length + 1))]),
  (input, { random, words }) => {
    const word = words.length === 0 ? '\n' : random.pick(words);
    return splice(input, place(input, random), random.once(2) ? word.length : 0, Buffer.from(word));
  },
  useComparison,
  useComparison,
];

/** Where the input has one side of a comparison, the other side takes its place: the next run finds them equal. */
function useComparison(input: Bytes, { random, comparisons }: Help<Uint8Array>): Bytes {
  if (comparisons.length === 0) return input;
  const [left, right] = random.pick(comparisons);
  const [old, fresh] = random.once(2) ? [left, right] : [right, left];
  for (const [from, to] of spellings(old, fresh, random)) {
    const found = placesOf(input, from);
    if (found.length > 0) return splice(input, random.pick(found), from.length, to);
  }
  return input;
}

/** How both sides of a comparison may stand in bytes, in any order. */
function* spellings(old: Comparison[0], fresh: Comparison[0], random: Random): Generator<[from: Buffer, to: Buffer]> {
  if (typeof old === 'number' && typeof fresh === 'number') {
    const turn = random.below(3);
    for (let index = 0; index < 3; index++) {
      const width = widths[(turn + index) % 3] ?? 1;
      for (const little of [true, false]) yield [encoded(old, width, little), encoded(fresh, width, little)];
    }
  }
  yield [Buffer.from(String(old)), Buffer.from(String(fresh))];
}

function placesOf(input: Bytes, part: Buffer): number[] {
  const found: number[] = [];
  for (let at = input.indexOf(part); at !== -1 && found.length < 32; at = input.indexOf(part, at + 1)) found.push(at);
  return found;
}

function* smallerBytes(input: Uint8Array): Generator<Uint8Array> {
  const bytes = Buffer.from(input);
  for (let length = bytes.length; length >= 1; length = Math.floor(length / 2)) {
    for (let at = 0; at < bytes.length; at += length) yield Uint8Array.from(splice(bytes, at, length, Buffer.alloc(0)));
  }
  for (const [at, byte] of bytes.entries()) {
    if (byte !== 0) yield Uint8Array.from(splice(bytes, at, 1, Buffer.of(0)));
  }
}
