import {
  listElement,
  setAttribute,
  setDescriptionAttribute,
  setFieldAttribute,
  setFlag,
  verdictDataType,
} from '../constants.ts';
import { decodeCounter, encodeCounter } from '../expressions/index.ts';
import type { MessageWriter, Payload } from '../../netlink/index.ts';
import { fieldLength, keyLength, typeNumber, typesOfNumber } from './fields.ts';
import type { SetDefinition } from './set-definition.ts';
import { encodeSetUserData, setCommentOf } from './set-user-data.ts';

/** The length the kernel reports for verdicts: that of its struct nft_verdict. */
const verdictLength = 16;

function flagsOf(set: SetDefinition): number {
  let flags = 0;
  if (set.data !== undefined) flags |= setFlag.map;
  if (set.interval === true) flags |= setFlag.interval;
  if (set.interval === true && set.key.length > 1) flags |= setFlag.concatenation;
  if (set.dynamic === true) flags |= setFlag.evaluated;
  if (set.timeout === true) flags |= setFlag.timeout;
  return flags;
}

/** Writes the attributes of NEWSET. `id` is unique in its batch. */
export function encodeSet(writer: MessageWriter, table: string, set: SetDefinition, id: number): void {
  writer.string(setAttribute.table, table);
  writer.string(setAttribute.name, set.name);
  writer.number(setAttribute.flags, flagsOf(set));
  writer.number(setAttribute.keyType, typeNumber(set.key));
  writer.number(setAttribute.keyLength, keyLength(set.key));
  if (set.data === 'verdict') {
    writer.number(setAttribute.dataType, verdictDataType);
    writer.number(setAttribute.dataLength, verdictLength);
  } else if (set.data !== undefined) {
    writer.number(setAttribute.dataType, typeNumber(set.data));
    writer.number(setAttribute.dataLength, keyLength(set.data));
  }
  writer.number(setAttribute.id, id);
  encodeDescription(writer, set);
  if (set.gcIntervalSeconds !== undefined) writer.number(setAttribute.gcInterval, set.gcIntervalSeconds * 1000);
  const userData = writer.beginAttribute(setAttribute.userData);
  encodeSetUserData(writer, set);
  writer.endAttribute(userData);
  if (set.counter === true) encodeCounter(writer, setAttribute.expression);
}

/** Size, and the lengths of the fields where intervals are of several. */
function encodeDescription(writer: MessageWriter, set: Pick<SetDefinition, 'key' | 'size' | 'interval'>): void {
  const concatenatedIntervals = set.interval === true && set.key.length > 1;
  if (set.size === undefined && !concatenatedIntervals) return;
  const description = writer.beginNested(setAttribute.description);
  if (set.size !== undefined) writer.number(setDescriptionAttribute.size, set.size);
  if (concatenatedIntervals) {
    const fields = writer.beginNested(setDescriptionAttribute.concatenation);
    for (const type of set.key) {
      const field = writer.beginNested(listElement);
      writer.number(setFieldAttribute.length, fieldLength(type));
      writer.endAttribute(field);
    }
    writer.endAttribute(fields);
  }
  writer.endAttribute(description);
}

/** A set or map as the kernel has it. */
export interface SetInfo {
  readonly name: string;
  /** Undefined if it is of a type that this package does not know: somebody else's, or one of a later version. */
  readonly definition: SetDefinition | undefined;
  /** How many elements it has, where the kernel tells it (6.18 does, 6.1 does not); of ranges it counts both ends. */
  readonly count?: number;
}

/** What a NEWSET message of a dump tells; undefined for the anonymous sets of rules. */
export function decodeSet(attributes: Payload): SetInfo | undefined {
  const name = attributes.get(setAttribute.name)?.string() ?? '';
  const flags = attributes.get(setAttribute.flags)?.u32() ?? 0;
  if ((flags & setFlag.anonymous) !== 0) return undefined;
  const types = isKnown(attributes, flags) ? typesOf(attributes, flags) : undefined;
  const definition = types && { name, ...types, ...switchesOf(attributes, flags), ...limitsOf(attributes) };
  const count = attributes.get(setAttribute.count)?.u32();
  return { name, definition, ...(count === undefined ? {} : { count }) };
}

function typesOf(attributes: Payload, flags: number): Pick<SetDefinition, 'key' | 'data'> | undefined {
  const key = typesOfNumber(attributes.get(setAttribute.keyType)?.u32() ?? 0);
  const data = dataOf(attributes, flags);
  return key && data && { key, ...data };
}

/** Whether its elements can be changed and do nothing but count: others may be limited, or be named objects. */
function isKnown(attributes: Payload, flags: number): boolean {
  const several = [...(attributes.get(setAttribute.expressions)?.attributes() ?? [])].map(([, each]) => each);
  const single = attributes.get(setAttribute.expression);
  const [first, ...more] = single === undefined ? several : [single];
  const counts = first === undefined || decodeCounter(first) !== undefined;
  return counts && more.length === 0 && (flags & (setFlag.constant | setFlag.object)) === 0;
}

function dataOf(attributes: Payload, flags: number): Pick<SetDefinition, 'data'> | undefined {
  if ((flags & setFlag.map) === 0) return {};
  const number = attributes.get(setAttribute.dataType)?.u32() ?? 0;
  if (number === verdictDataType) return { data: 'verdict' };
  const data = typesOfNumber(number);
  return data && { data };
}

function limitsOf(attributes: Payload): Pick<SetDefinition, 'size' | 'gcIntervalSeconds' | 'comment'> {
  const size = attributes.get(setAttribute.description)?.get(setDescriptionAttribute.size)?.u32();
  const gcInterval = attributes.get(setAttribute.gcInterval)?.u32() ?? 0;
  const comment = setCommentOf(attributes.get(setAttribute.userData));
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
