import { elementAttribute, elementFlag, listElement } from '../../constants.ts';
import { counterAttribute, dataAttribute, decodeVerdict, expressionAttribute } from '../../expressions/index.ts';
import { MessageWriter, Payload } from '../../../netlink/index.ts';
import { encodeElement } from '../../objects/index.ts';
import type { Element, SetDefinition } from '../../objects/index.ts';
import { chainOfVerdict } from './references.ts';

/** An element as the kernel keeps it. Never changed but for its counter, which no transaction takes back either. */
export interface StoredElement {
  readonly key: Buffer;
  /** Of concatenations with ranges: the last key. */
  readonly keyEnd?: Buffer;
  /** Of ranges of one field: the first key after the range. */
  readonly end: boolean;
  /** The value or verdict of a map's element, as it was sent. */
  readonly data?: Buffer;
  /** The chain that its verdict leads to. */
  readonly chain?: string;
  /** In milliseconds, 0 for ever; time stands still here. Without an expiration all of it is left. */
  readonly timeout?: number;
  readonly expiration?: number;
  readonly counter: { packets: number; bytes: number };
}

/** Reads one LIST_ELEM. */
export function storedElement(item: Payload): StoredElement {
  const keyEnd = item.get(elementAttribute.keyEnd);
  return {
    key: valueOf(item.get(elementAttribute.key)),
    ...(keyEnd === undefined ? {} : { keyEnd: valueOf(keyEnd) }),
    end: ((item.get(elementAttribute.flags)?.u32() ?? 0) & elementFlag.intervalEnd) !== 0,
    ...dataOf(item.get(elementAttribute.data)),
    ...timeOf(item),
    counter: { packets: 0, bytes: 0 },
  };
}

function dataOf(data: Payload | undefined): Pick<StoredElement, 'data' | 'chain'> {
  if (data === undefined) return {};
  const verdict = data.get(dataAttribute.verdict);
  const chain = verdict === undefined ? undefined : chainOfVerdict(decodeVerdict(verdict));
  return { data: Buffer.from(data.copy()), ...(chain === undefined ? {} : { chain }) };
}

function timeOf(item: Payload): Pick<StoredElement, 'timeout' | 'expiration'> {
  const timeout = item.get(elementAttribute.timeout)?.u64();
  const expiration = item.get(elementAttribute.expiration)?.u64();
  return { ...(timeout === undefined ? {} : { timeout }), ...(expiration === undefined ? {} : { expiration }) };
}

function valueOf(data: Payload | undefined): Buffer {
  return Buffer.from(data?.get(dataAttribute.value)?.copy() ?? []);
}

/** What an element's text says, as the kernel would keep it, or with `keyOnly` as it is asked for it. */
export function storedFromText(set: SetDefinition, element: Element, keyOnly = false): StoredElement {
  const writer = new MessageWriter(256);
  encodeElement(writer, set, element, { keyOnly });
  const [first] = Payload.of(writer.bytes).attributes();
  if (first === undefined) throw new TypeError(`nothing was encoded of ${element.key}`);
  return storedElement(first[1]);
}

/** Writes one LIST_ELEM of a dump. */
export function writeElement(writer: MessageWriter, element: StoredElement, counted: boolean): void {
  const item = writer.beginNested(listElement);
  writeValue(writer, elementAttribute.key, element.key);
  if (element.keyEnd !== undefined) writeValue(writer, elementAttribute.keyEnd, element.keyEnd);
  if (element.data !== undefined) {
    const data = writer.beginNested(elementAttribute.data);
    writer.raw(element.data);
    writer.endAttribute(data);
  }
  if (element.end) writer.number(elementAttribute.flags, elementFlag.intervalEnd);
  if (element.timeout !== undefined && element.timeout !== 0) {
    writer.bigNumber(elementAttribute.timeout, element.timeout);
    writer.bigNumber(elementAttribute.expiration, element.expiration ?? element.timeout);
  }
  if (counted) writeCounter(writer, element.counter);
  writer.endAttribute(item);
}

function writeValue(writer: MessageWriter, attribute: number, value: Uint8Array): void {
  const data = writer.beginNested(attribute);
  writer.binary(dataAttribute.value, value);
  writer.endAttribute(data);
}

function writeCounter(writer: MessageWriter, counter: StoredElement['counter']): void {
  const expression = writer.beginNested(elementAttribute.expression);
  writer.string(expressionAttribute.name, 'counter');
  const body = writer.beginNested(expressionAttribute.data);
  writer.bigNumber(counterAttribute.bytes, counter.bytes);
  writer.bigNumber(counterAttribute.packets, counter.packets);
  writer.endAttribute(body);
  writer.endAttribute(expression);
}
