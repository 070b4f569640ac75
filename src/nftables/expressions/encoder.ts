import { listElement } from '../constants.ts';
import type { Family } from '../../ip/index.ts';
import { protocolFamily } from '../../netlink/index.ts';
import type { MessageWriter } from '../../netlink/index.ts';
import type { Names } from '../names.ts';
import {
  bitwiseAttribute,
  bitwiseOperation,
  compareAttribute,
  compareOperator,
  ctAttribute,
  ctDirection,
  dataAttribute,
  expressionAttribute,
  immediateAttribute,
  lookupAttribute,
  lookupFlag,
  metaAttribute,
  metaKey,
  payloadAttribute,
  payloadBase,
  registerNumber,
} from './constants.ts';

/** An anonymous set that a rule refers to: made in the same transaction, gone with the rule. */
export interface AnonymousSet {
  readonly name: string;
  /** Unique in its batch; 0 for a named set. */
  readonly id: number;
}

/** Makes (or for a fingerprint, only names) the anonymous set with these IP protocols. */
export type AnonymousSetMaker = (protocols: readonly string[]) => AnonymousSet;

/**
 * Writes the expressions of one rule. Registers are counted in 4-byte words, 0 to 15; every statement starts at word
 * 0 again, because the kernel forbids (and nft cannot print) results that cross from one statement to another.
 */
export class ExpressionEncoder {
  readonly writer: MessageWriter;
  readonly anonymousSet: AnonymousSetMaker;
  readonly names: Names;
  /** Protocol family that earlier expressions of the rule have made sure of. */
  #family: Family | undefined;

  constructor(writer: MessageWriter, anonymousSet: AnonymousSetMaker, names: Names) {
    this.writer = writer;
    this.anonymousSet = anonymousSet;
    this.names = names;
  }

  /** One expression; `attributes` writes its NFTA_<NAME>_* attributes. */
  expression(name: string, attributes: (writer: MessageWriter) => void): void {
    const element = this.writer.beginNested(listElement);
    encodeExpressionBody(this.writer, name, attributes);
    this.writer.endAttribute(element);
  }

  /** An inet table sees both families: makes sure of the family before its header is read, as nft does. */
  requireFamily(family: Family): void {
    if (this.#family === family) return;
    this.matchFamily(family);
  }

  /** `meta nfproto ipv4`. */
  matchFamily(family: Family): void {
    this.meta(metaKey.nfproto, 0);
    this.compare(0, '==', Uint8Array.of(familyNumber(family)));
    this.#family = family;
  }

  meta(key: number, word: number): void {
    this.expression('meta', (writer) => {
      writer.number(metaAttribute.key, key);
      writer.number(metaAttribute.destinationRegister, register(word));
    });
  }

  payload(base: keyof typeof payloadBase, offset: number, length: number, word: number): void {
    this.expression('payload', (writer) => {
      writer.number(payloadAttribute.destinationRegister, register(word));
      writer.number(payloadAttribute.base, payloadBase[base]);
      writer.number(payloadAttribute.offset, offset);
      writer.number(payloadAttribute.length, length);
    });
  }

  /** `original`: of the tuple of the first packet. */
  conntrack(key: number, word: number, direction?: keyof typeof ctDirection): void {
    this.expression('ct', (writer) => {
      writer.number(ctAttribute.destinationRegister, register(word));
      writer.number(ctAttribute.key, key);
      if (direction !== undefined) writer.byte(ctAttribute.direction, ctDirection[direction]);
    });
  }

  compare(word: number, operator: keyof typeof compareOperator, value: Uint8Array): void {
    this.expression('cmp', (writer) => {
      writer.number(compareAttribute.sourceRegister, register(word));
      writer.number(compareAttribute.operator, compareOperator[operator]);
      encodeValue(writer, compareAttribute.data, value);
    });
  }

  /** register & mask, in place. */
  mask(word: number, mask: Uint8Array): void {
    this.expression('bitwise', (writer) => {
      writer.number(bitwiseAttribute.sourceRegister, register(word));
      writer.number(bitwiseAttribute.destinationRegister, register(word));
      writer.number(bitwiseAttribute.length, mask.length);
      writer.number(bitwiseAttribute.operation, bitwiseOperation.maskXor);
      encodeValue(writer, bitwiseAttribute.mask, mask);
      encodeValue(writer, bitwiseAttribute.xor, new Uint8Array(mask.length));
    });
  }

  /** A constant. */
  immediate(word: number, value: Uint8Array): void {
    this.expression('immediate', (writer) => {
      writer.number(immediateAttribute.destinationRegister, register(word));
      encodeValue(writer, immediateAttribute.data, value);
    });
  }

  /** `into` is the word the data goes to, or `verdict`; undefined for a set. */
  lookup(word: number, set: AnonymousSet, options: { into?: number | 'verdict'; invert?: boolean } = {}): void {
    const { into } = options;
    this.expression('lookup', (writer) => {
      writer.string(lookupAttribute.setName, set.id === 0 ? this.names.set(set.name) : set.name);
      writer.number(lookupAttribute.sourceRegister, register(word));
      if (into !== undefined) {
        const destination = into === 'verdict' ? registerNumber.verdict : register(into);
        writer.number(lookupAttribute.destinationRegister, destination);
      }
      if (set.id !== 0) writer.number(lookupAttribute.setId, set.id);
      writer.number(lookupAttribute.flags, options.invert === true ? lookupFlag.invert : 0);
    });
  }
}

/** NFPROTO_* of a packet's family. */
export function familyNumber(family: Family): number {
  return family === 4 ? protocolFamily.ipv4 : protocolFamily.ipv6;
}

/** NFT_REG_1..4 where a 16-byte register starts, NFT_REG32_* elsewhere: what nft itself uses. */
export function register(word: number): number {
  if (word < 0 || word > 15) throw new RangeError('the rule needs more than the 64 bytes of registers there are');
  return word % 4 === 0 ? registerNumber.firstLong + word / 4 : registerNumber.firstWord + word;
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

function encodeValue(writer: MessageWriter, type: number, value: Uint8Array): void {
  const data = writer.beginNested(type);
  writer.binary(dataAttribute.value, value);
  writer.endAttribute(data);
}
