import { flag } from '../netlink/index.ts';
import type { Batch } from './batch.ts';
import { elementListAttribute, nft, setAttribute, setDescription, setFlag } from './constants.ts';
import { encodeElement } from './elements.ts';
import { fieldLength, keyLength, typeNumber, typesOfNumber } from './fields.ts';
import type { FieldType } from './fields.ts';
import type { MessageWriter, Payload } from '../netlink/index.ts';
import { encodeCounter } from './expressions/index.ts';
import type { AnonymousSet } from './expressions/index.ts';
import { setUserData, userDataString, userDataType } from './user-data.ts';

/** A named set (no `data`) or map of an inet table. */
export interface SetDefinition {
  readonly name: string;
  /** Several fields make a concatenation. */
  readonly key: readonly FieldType[];
  /** What a map maps to; a verdict is `goto c`, `jump c`, `drop`, `accept`, `return`. */
  readonly data?: readonly FieldType[] | 'verdict';
  /** Keys are prefixes or ranges. With several key fields each address field of a key may be one. */
  readonly interval?: boolean;
  /** Rules may add elements (`flags dynamic`). */
  readonly dynamic?: boolean;
  /** Elements may expire (`flags timeout`). */
  readonly timeout?: boolean;
  /** Every element counts packets and bytes. */
  readonly counter?: boolean;
  /** Most elements it may hold. The kernel limits dynamic sets to 65535 unless told. */
  readonly size?: number;
  /** How often expired elements are collected. nft 1.0.6 prints it for maps but cannot read it back for them. */
  readonly gcIntervalSeconds?: number;
  readonly comment?: string;
}

/** The type number of verdict data and the length the kernel reports for it. */
const verdictType = 0xffff_ff00;
const verdictLength = 16;

function flagsOf(set: SetDefinition): number {
  let flags = 0;
  if (set.data !== undefined) flags |= setFlag.map;
  if (set.interval === true) flags |= setFlag.interval;
  if (set.interval === true && set.key.length > 1) flags |= setFlag.concat;
  if (set.dynamic === true) flags |= setFlag.evaluated;
  if (set.timeout === true) flags |= setFlag.timeout;
  return flags;
}

/** Writes the attributes of NEWSET after nfgenmsg. `id` is unique in its batch. */
export function encodeSet(writer: MessageWriter, table: string, set: SetDefinition, id: number): void {
  writer.string(setAttribute.table, table);
  writer.string(setAttribute.name, set.name);
  writer.number(setAttribute.flags, flagsOf(set));
  writer.number(setAttribute.keyType, typeNumber(set.key));
  writer.number(setAttribute.keyLength, keyLength(set.key));
  if (set.data === 'verdict') {
    writer.number(setAttribute.dataType, verdictType);
    writer.number(setAttribute.dataLength, verdictLength);
  } else if (set.data !== undefined) {
    writer.number(setAttribute.dataType, typeNumber(set.data));
    writer.number(setAttribute.dataLength, keyLength(set.data));
  }
  writer.number(setAttribute.id, id);
  encodeDescription(writer, set);
  if (set.gcIntervalSeconds !== undefined) writer.number(setAttribute.gcInterval, set.gcIntervalSeconds * 1000);
  const userData = writer.beginAttribute(setAttribute.userData);
  setUserData(writer, set);
  writer.endAttribute(userData);
  if (set.counter === true) encodeCounter(writer, setAttribute.expression);
}

function encodeDescription(writer: MessageWriter, set: SetDefinition): void {
  const concatenatedIntervals = set.interval === true && set.key.length > 1;
  if (set.size === undefined && !concatenatedIntervals) return;
  const description = writer.beginNested(setAttribute.description);
  if (set.size !== undefined) writer.number(setDescription.size, set.size);
  if (concatenatedIntervals) {
    const fields = writer.beginNested(setDescription.concat);
    for (const type of set.key) {
      const field = writer.beginNested(1);
      writer.number(setDescription.fieldLength, fieldLength(type));
      writer.endAttribute(field);
    }
    writer.endAttribute(fields);
  }
  writer.endAttribute(description);
}

/** Adds to a batch the anonymous, constant set of IP protocols that a rule refers to. */
export function encodeAnonymousSet(
  batch: Batch,
  table: string,
  set: AnonymousSet,
  protocols: readonly string[],
  operation: { readonly description: string; readonly chain: string },
): void {
  const key: readonly FieldType[] = ['inet_proto'];
  batch.add(nft.newSet, flag.create, operation, (writer) => {
    writer.string(setAttribute.table, table);
    writer.string(setAttribute.name, set.name);
    writer.number(setAttribute.flags, setFlag.anonymous | setFlag.constant);
    writer.number(setAttribute.keyType, typeNumber(key));
    writer.number(setAttribute.keyLength, keyLength(key));
    writer.number(setAttribute.id, set.id);
    encodeDescription(writer, { name: set.name, key, size: protocols.length });
  });
  batch.add(nft.newElements, flag.create, operation, (writer) => {
    writer.string(elementListAttribute.table, table);
    writer.string(elementListAttribute.set, set.name);
    writer.number(elementListAttribute.setId, set.id);
    const list = writer.beginNested(elementListAttribute.elements);
    for (const protocol of protocols) encodeElement(writer, { name: set.name, key }, { set: set.name, key: protocol });
    writer.endAttribute(list);
  });
}

/**
 * The definition in a NEWSET message of a dump; undefined for the anonymous sets of rules. Throws when the set is of
 * a type that this package does not know, which its own sets never are.
 */
export function decodeSet(attributes: Payload): SetDefinition | undefined {
  const name = attributes.get(setAttribute.name)?.string() ?? '';
  const flags = attributes.get(setAttribute.flags)?.u32() ?? 0;
  if ((flags & setFlag.anonymous) !== 0) return undefined;
  const key = typesOfNumber(attributes.get(setAttribute.keyType)?.u32() ?? 0);
  if (key === undefined) throw new TypeError(`the key of set ${name} is of an unknown type`);
  return { name, key, ...dataOf(attributes, flags, name), ...switchesOf(attributes, flags), ...limitsOf(attributes) };
}

function dataOf(attributes: Payload, flags: number, name: string): Pick<SetDefinition, 'data'> {
  if ((flags & setFlag.map) === 0) return {};
  const number = attributes.get(setAttribute.dataType)?.u32() ?? 0;
  if (number === verdictType) return { data: 'verdict' };
  const data = typesOfNumber(number);
  if (data === undefined) throw new TypeError(`the data of map ${name} is of an unknown type`);
  return { data };
}

function limitsOf(attributes: Payload): Pick<SetDefinition, 'size' | 'gcIntervalSeconds' | 'comment'> {
  const size = attributes.get(setAttribute.description)?.get(setDescription.size)?.u32();
  const gcInterval = attributes.get(setAttribute.gcInterval)?.u32() ?? 0;
  const userData = attributes.get(setAttribute.userData);
  const comment = userData === undefined ? undefined : userDataString(userData, userDataType.setComment);
  return {
    ...(size === undefined ? {} : { size }),
    ...(gcInterval === 0 ? {} : { gcIntervalSeconds: gcInterval / 1000 }),
    ...(comment === undefined ? {} : { comment }),
  };
}

function switchesOf(attributes: Payload, flags: number): Partial<SetDefinition> {
  const counted = attributes.get(setAttribute.expression) ?? attributes.get(setAttribute.expressions);
  return {
    ...((flags & setFlag.interval) === 0 ? {} : { interval: true }),
    ...((flags & setFlag.evaluated) === 0 ? {} : { dynamic: true }),
    ...((flags & setFlag.timeout) === 0 ? {} : { timeout: true }),
    ...(counted === undefined ? {} : { counter: true }),
  };
}
