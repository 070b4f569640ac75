import type { Family } from '../../ip/index.ts';
import type { payloadBase } from './constants.ts';
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
  readonly family?: Family;
  /** Where it is in a header, if it is. */
  readonly payload?: { readonly base: keyof typeof payloadBase; readonly offset: number };
  /** Writes the expressions that load it into `word`; words from `scratch` on are free for what it needs itself. */
  readonly load: (encoder: ExpressionEncoder, word: number, scratch: number) => void;
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
