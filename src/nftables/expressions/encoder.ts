import { counterAttribute, dataAttribute, expressionAttribute, listElement } from '../constants.ts';
import type { MessageWriter } from '../../netlink/index.ts';

/** An anonymous set that a rule refers to: made in the same transaction, gone with the rule. */
export interface AnonymousSet {
  readonly name: string;
  readonly id: number;
}

/** Makes (or for a fingerprint, only names) the anonymous set with these IP protocols. */
export type AnonymousSetMaker = (protocols: readonly string[]) => AnonymousSet;

/** Protocol family that earlier expressions of the rule have made sure of. */
type KnownFamily = 4 | 6 | undefined;

/**
 * Writes the expressions of one rule. Registers are counted in 4-byte words, 0 to 15; every statement starts at word
 * 0 again, because the kernel forbids (and nft cannot print) results that cross from one statement to another.
 */
export class ExpressionEncoder {
  readonly writer: MessageWriter;
  readonly anonymousSet: AnonymousSetMaker;
  #family: KnownFamily;

  constructor(writer: MessageWriter, anonymousSet: AnonymousSetMaker) {
    this.writer = writer;
    this.anonymousSet = anonymousSet;
  }

  /** One expression; `attributes` writes its NFTA_<NAME>_* attributes. */
  expression(name: string, attributes: (writer: MessageWriter) => void): void {
    const element = this.writer.beginNested(listElement);
    encodeExpressionBody(this.writer, name, attributes);
    this.writer.endAttribute(element);
  }

  /** An inet table sees both families: makes sure of the family before its header is read, as nft does. */
  requireFamily(family: 4 | 6): void {
    if (this.#family === family) return;
    this.matchFamily(family);
  }

  /** `meta nfproto ipv4`. */
  matchFamily(family: 4 | 6): void {
    this.meta(metaKey.nfproto, 0);
    this.compare(0, '==', Uint8Array.of(family === 4 ? 2 : 10));
    this.#family = family;
  }

  meta(key: number, word: number): void {
    this.expression('meta', (writer) => {
      writer.number(2, key);
      writer.number(1, register(word));
    });
  }

  payload(base: 'network' | 'transport', offset: number, length: number, word: number): void {
    this.expression('payload', (writer) => {
      writer.number(1, register(word));
      writer.number(2, base === 'network' ? 1 : 2);
      writer.number(3, offset);
      writer.number(4, length);
    });
  }

  /** `original`: of the tuple of the first packet. */
  conntrack(key: number, word: number, direction?: 'original'): void {
    this.expression('ct', (writer) => {
      writer.number(1, register(word));
      writer.number(2, key);
      if (direction !== undefined) writer.byte(3, 0);
    });
  }

  compare(word: number, operator: '==' | '!=', value: Uint8Array): void {
    this.expression('cmp', (writer) => {
      writer.number(1, register(word));
      writer.number(2, operator === '==' ? 0 : 1);
      data(writer, 3, value);
    });
  }

  /** register & mask, in place. */
  mask(word: number, mask: Uint8Array): void {
    this.expression('bitwise', (writer) => {
      writer.number(1, register(word));
      writer.number(2, register(word));
      writer.number(3, mask.length);
      writer.number(6, 0);
      data(writer, 4, mask);
      data(writer, 5, new Uint8Array(mask.length));
    });
  }

  /** `into` is the word the data goes to, or `verdict`; undefined for a set. */
  lookup(word: number, set: AnonymousSet, options: { into?: number | 'verdict'; invert?: boolean } = {}): void {
    this.expression('lookup', (writer) => {
      writer.string(1, set.name);
      writer.number(2, register(word));
      if (options.into !== undefined) writer.number(3, options.into === 'verdict' ? 0 : register(options.into));
      if (set.id !== 0) writer.number(4, set.id);
      writer.number(5, options.invert === true ? 1 : 0);
    });
  }
}

/** NFT_META_* */
export const metaKey = { iifname: 6, nfproto: 15, l4proto: 16 } as const;
/** NFT_CT_* */
export const conntrackKey = {
  state: 0,
  status: 2,
  protocolDestination: 12,
  destinationIp: 20,
  destinationIp6: 22,
} as const;

/** NFT_REG_1..4 where a 16-byte register starts, NFT_REG32_* elsewhere: what nft itself uses. */
export function register(word: number): number {
  if (word < 0 || word > 15) throw new RangeError('the rule needs more than the 64 bytes of registers there are');
  return word % 4 === 0 ? 1 + word / 4 : 8 + word;
}

/** Name and attributes of an expression. */
export function encodeExpressionBody(
  writer: MessageWriter,
  name: string,
  attributes: (writer: MessageWriter) => void,
): void {
  writer.string(expressionAttribute.name, name);
  const body = writer.beginNested(expressionAttribute.data);
  attributes(writer);
  writer.endAttribute(body);
}

/** A counter at zero as an attribute of a set. */
export function encodeCounter(writer: MessageWriter, type: number): void {
  const expression = writer.beginNested(type);
  encodeExpressionBody(writer, 'counter', counterAttributes);
  writer.endAttribute(expression);
}

/** NFTA_COUNTER_*: from zero. */
export function counterAttributes(writer: MessageWriter): void {
  writer.bigNumber(counterAttribute.bytes, 0);
  writer.bigNumber(counterAttribute.packets, 0);
}

function data(writer: MessageWriter, type: number, value: Uint8Array): void {
  const nest = writer.beginNested(type);
  writer.binary(dataAttribute.value, value);
  writer.endAttribute(nest);
}
