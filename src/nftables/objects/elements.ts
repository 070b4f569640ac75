import { SyntaxFault } from '../address.ts';
import { elementAttribute, elementFlag, listElement } from '../constants.ts';
import { formatFields, keyLength, writeFields } from './fields.ts';
import type { FieldType } from './fields.ts';
import { addressNumber, formatNumber, formatRange, lastNumber, numberBytes, parseRange } from '../../ip/index.ts';
import type { AddressRange, Family } from '../../ip/index.ts';
import { MalformedMessageError } from '../../netlink/index.ts';
import type { MessageWriter, Payload } from '../../netlink/index.ts';
import { sameNames } from '../names.ts';
import type { Names } from '../names.ts';
import type { SetDefinition } from './set-definition.ts';
import { dataAttribute, decodeCounter, decodeVerdict, encodeVerdict } from '../expressions/index.ts';

/**
 * One element of a set or map, in nft's own text syntax: what `nft list` prints is what is written and read here.
 */
export interface Element {
  /** Name of the set. */
  readonly set: string;
  /** `10.96.0.1 . tcp . 80 . 2`; of interval sets `10.0.0.0/8`; `*` for all that no other element is for. */
  readonly key: string;
  /** `10.0.0.7 . 8080` or a verdict; of maps only. */
  readonly data?: string;
  /** Time to live when added or last renewed. */
  readonly timeoutSeconds?: number;
  /** Time to live left. */
  readonly expiresSeconds?: number;
  /** Of sets with counters. */
  readonly packets?: number;
  readonly bytes?: number;
}

/** The key of the element that stands for all keys that no other one has. */
const catchAll = '*';

/** What of an element is written. */
export interface ElementEncoding {
  /** No data and no time to live. */
  readonly keyOnly?: boolean;
  /** Of the chains in verdicts; the program's own unless told. */
  readonly names?: Names;
}

/** Writes one or, for an interval of one field, two LIST_ELEM attributes. Throws SyntaxFault; nothing else is checked. */
export function encodeElement(
  writer: MessageWriter,
  set: SetDefinition,
  element: Element,
  encoding: ElementEncoding = {},
): void {
  if (set.interval === true && element.key !== catchAll) {
    if (set.key.length === 1) encodeInterval(writer, set, element, encoding);
    else encodeConcatenatedInterval(writer, set, element, encoding);
    return;
  }
  const item = writer.beginNested(listElement);
  if (element.key === catchAll) writer.number(elementAttribute.flags, elementFlag.catchAll);
  else encodeKey(writer, elementAttribute.key, set.key, element.key);
  encodeRest(writer, set, element, encoding);
  writer.endAttribute(item);
}

function encodeKey(writer: MessageWriter, attribute: number, types: readonly FieldType[], text: string): void {
  const key = writer.beginNested(attribute);
  const value = writer.beginAttribute(dataAttribute.value);
  writeFields(writer, types, text);
  writer.endAttribute(value);
  writer.endAttribute(key);
}

function encodeRest(writer: MessageWriter, set: SetDefinition, element: Element, encoding: ElementEncoding): void {
  if (encoding.keyOnly === true) return;
  if (set.data !== undefined) encodeData(writer, set, element, encoding.names ?? sameNames);
  if (element.timeoutSeconds !== undefined) {
    writer.bigNumber(elementAttribute.timeout, Math.round(element.timeoutSeconds * 1000));
  }
  if (element.expiresSeconds !== undefined) {
    writer.bigNumber(elementAttribute.expiration, Math.round(element.expiresSeconds * 1000));
  }
}

function encodeData(writer: MessageWriter, set: SetDefinition, element: Element, names: Names): void {
  if (element.data === undefined) throw new SyntaxFault(`an element of map ${set.name} without data: ${element.key}`);
  const data = writer.beginNested(elementAttribute.data);
  if (set.data === 'verdict') {
    encodeVerdict(writer, element.data, names);
  } else {
    const value = writer.beginAttribute(dataAttribute.value);
    writeFields(writer, set.data ?? [], element.data);
    writer.endAttribute(value);
  }
  writer.endAttribute(data);
}

/** The family of a field type that intervals are made of; undefined if they are made of others only. */
function familyOfType(type: FieldType | undefined): Family | undefined {
  if (type === 'ipv4_addr') return 4;
  return type === 'ipv6_addr' ? 6 : undefined;
}

function intervalFamily(set: SetDefinition): Family {
  const [type] = set.key;
  const family = familyOfType(type);
  if (family === undefined) throw new SyntaxFault(`intervals of ${type ?? 'nothing'} are not supported`);
  return family;
}

function rangeOf(text: string, family: Family): AddressRange {
  try {
    return parseRange(text, family);
  } catch (error) {
    throw new SyntaxFault(error instanceof Error ? error.message : String(error));
  }
}

/** The kernel's rbtree: the first address, and the first one after the interval with a flag. */
function encodeInterval(writer: MessageWriter, set: SetDefinition, element: Element, encoding: ElementEncoding): void {
  const family = intervalFamily(set);
  const { first, last } = rangeOf(element.key, family);
  const start = writer.beginNested(listElement);
  encodeBytes(writer, elementAttribute.key, numberBytes(first, family));
  encodeRest(writer, set, element, encoding);
  writer.endAttribute(start);
  if (last === lastNumber(family)) return;
  const end = writer.beginNested(listElement);
  encodeBytes(writer, elementAttribute.key, numberBytes(last + 1n, family));
  writer.number(elementAttribute.flags, elementFlag.intervalEnd);
  writer.endAttribute(end);
}

/** The kernel's pipapo: key and inclusive end of every field. */
function encodeConcatenatedInterval(
  writer: MessageWriter,
  set: SetDefinition,
  element: Element,
  encoding: ElementEncoding,
): void {
  const [first, last] = splitRanges(set.key, element.key);
  const item = writer.beginNested(listElement);
  encodeKey(writer, elementAttribute.key, set.key, first);
  encodeKey(writer, elementAttribute.keyEnd, set.key, last);
  encodeRest(writer, set, element, encoding);
  writer.endAttribute(item);
}

function encodeBytes(writer: MessageWriter, attribute: number, bytes: Uint8Array): void {
  const key = writer.beginNested(attribute);
  writer.binary(dataAttribute.value, bytes);
  writer.endAttribute(key);
}

/** `1.2.3.4 . tcp . 80 . 10.0.0.0/8` as the texts of its first and last key. */
function splitRanges(types: readonly FieldType[], text: string): [first: string, last: string] {
  const fields = text.split(' . ');
  const firsts: string[] = [];
  const lasts: string[] = [];
  fields.forEach((field, index) => {
    const family = familyOfType(types[index]);
    const range = family && rangeOf(field, family);
    firsts.push(range ? formatNumber(range.first, range.family) : field);
    lasts.push(range ? formatNumber(range.last, range.family) : field);
  });
  return [firsts.join(' . '), lasts.join(' . ')];
}

/** A received element. Of an interval set with one field it is a start or an end (the first address after it). */
export interface Mark {
  readonly element: Element;
  readonly end: boolean;
}

/** The key as a range, where elements have an end of their own. */
function keyWithEnd(set: SetDefinition, key: string, end: Payload | undefined): string {
  const hasEnds = set.interval === true && set.key.length > 1 && key !== catchAll;
  return end === undefined || !hasEnds ? key : joinRanges(set.key, key, decodeFields(set.key, end));
}

/** One LIST_ELEM as received. Throws MalformedMessageError if its key or data do not fit the set. */
export function decodeElement(set: SetDefinition, item: Payload): Mark {
  let key: string | undefined;
  let keyEnd: Payload | undefined;
  let data: string | undefined;
  let flags = 0;
  let extra: Partial<Element> = {};
  for (const [type, payload] of item.attributes()) {
    if (type === elementAttribute.key) key = decodeFields(set.key, payload);
    else if (type === elementAttribute.keyEnd) keyEnd = payload;
    else if (type === elementAttribute.data) data = decodeData(set, payload);
    else if (type === elementAttribute.flags) flags = payload.u32();
    else extra = { ...extra, ...decodeExtra(type, payload) };
  }
  if ((flags & elementFlag.catchAll) !== 0) key = catchAll;
  if (key === undefined) throw new MalformedMessageError(`an element of set ${set.name} without a key`);
  return {
    element: { set: set.name, key: keyWithEnd(set, key, keyEnd), ...(data === undefined ? {} : { data }), ...extra },
    end: (flags & elementFlag.intervalEnd) !== 0,
  };
}

function decodeExtra(type: number, payload: Payload): Partial<Element> {
  switch (type) {
    case elementAttribute.timeout:
      return { timeoutSeconds: payload.u64() / 1000 };
    case elementAttribute.expiration:
      return { expiresSeconds: payload.u64() / 1000 };
    case elementAttribute.expression:
      return decodeCounter(payload) ?? {};
    case elementAttribute.expressions: {
      const first = payload.get(listElement);
      return first === undefined ? {} : (decodeCounter(first) ?? {});
    }
    default:
      return {};
  }
}

function decodeFields(types: readonly FieldType[], data: Payload): string {
  const value = data.get(dataAttribute.value);
  if (value === undefined || value.length < keyLength(types))
    throw new MalformedMessageError(`${value?.length ?? 'no'} bytes for ${types.join(' . ')}`);
  return formatFields(types, value.bytes, value.view, value.start);
}

function decodeData(set: SetDefinition, data: Payload): string {
  if (set.data === undefined || set.data === 'verdict') {
    const verdict = data.get(dataAttribute.verdict);
    return verdict === undefined ? '' : decodeVerdict(verdict);
  }
  return decodeFields(set.data, data);
}

/** The inverse of splitRanges. */
function joinRanges(types: readonly FieldType[], first: string, last: string): string {
  const lasts = last.split(' . ');
  return first
    .split(' . ')
    .map((field, index) => {
      const family = familyOfType(types[index]);
      if (family === undefined) return field;
      const last = addressNumber(lasts[index] ?? field, family);
      return orderedRange({ family, first: addressNumber(field, family), last });
    })
    .join(' . ');
}

/** The text of a range. Throws MalformedMessageError if it ends before it begins. */
function orderedRange(range: AddressRange): string {
  if (range.first > range.last) throw new MalformedMessageError('an interval ends before it begins');
  return formatRange(range);
}

/** Puts the starts and ends of an interval set's dump together, sorted by address. Other sets: as they are. */
export function joinIntervals(set: SetDefinition, marks: readonly Mark[]): Element[] {
  if (set.interval !== true || set.key.length > 1) return marks.map((mark) => mark.element);
  const family = intervalFamily(set);
  const others = marks.filter(({ element }) => element.key === catchAll).map(({ element }) => element);
  const sorted = marks
    .filter(({ element }) => element.key !== catchAll)
    .map(({ element, end }) => ({ element, end, at: addressNumber(element.key, family) }))
    // An end comes before a start at the same address: intervals may touch.
    .sort((a, b) => (a.at === b.at ? Number(b.end) - Number(a.end) : a.at < b.at ? -1 : 1));
  const ranges = sorted.flatMap(({ element, end, at }, index) => {
    if (end) return [];
    const next = sorted[index + 1];
    const last = next === undefined ? lastNumber(family) : next.at - 1n;
    return [{ ...element, key: orderedRange({ family, first: at, last }) }];
  });
  return [...ranges, ...others];
}
