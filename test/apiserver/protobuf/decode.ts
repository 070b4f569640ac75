import type { Json, JsonObject } from '../json.ts';
import { isObject, timestamp } from '../json.ts';
import type { Field } from './messages.ts';
import { messages } from './messages.ts';

/** Something in a body that this decoder does not know. */
export class UnsupportedProtobuf extends Error {}

/** One field as it is on the wire: a number, or bytes. */
interface WireField {
  number: number;
  value: number | Buffer;
}

const magic = Buffer.from('k8s\0');

function readVarint(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0n;
  let shift = 0n;
  let next = at;
  for (;;) {
    const byte = bytes[next];
    if (byte === undefined) throw new UnsupportedProtobuf('truncated protobuf');
    next += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value: Number(BigInt.asIntN(64, value)), next };
    shift += 7n;
  }
}

/** Splits a message into its fields. Kubernetes uses only numbers (wire type 0) and bytes (wire type 2). */
function* fieldsOf(bytes: Buffer): Generator<WireField> {
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    const number = tag.value >> 3;
    const head = readVarint(bytes, tag.next);
    if ((tag.value & 7) === 0) {
      yield { number, value: head.value };
      at = head.next;
    } else if ((tag.value & 7) === 2) {
      at = head.next + head.value;
      yield { number, value: bytes.subarray(head.next, at) };
    } else throw new UnsupportedProtobuf(`protobuf wire type ${tag.value & 7}`);
  }
}

function member(bytes: Buffer, number: number): number | Buffer | undefined {
  return [...fieldsOf(bytes)].findLast((field) => field.number === number)?.value;
}

function text(value: number | Buffer | undefined): string {
  return Buffer.isBuffer(value) ? value.toString() : '';
}

function decodeTime(bytes: Buffer): Json {
  const seconds = Number(member(bytes, 1) ?? 0);
  return seconds > 0 ? timestamp(new Date(seconds * 1000)) : undefined;
}

function decodeIntOrString(bytes: Buffer): Json {
  return member(bytes, 1) === 1 ? text(member(bytes, 3)) : Number(member(bytes, 2) ?? 0);
}

function decodeNumber(value: number, type: string): Json {
  return type === 'boolean' ? value !== 0 : value;
}

function decodeValue(value: number | Buffer, type: string): Json {
  if (!Buffer.isBuffer(value)) return decodeNumber(value, type);
  switch (type) {
    case 'string':
      return value.toString();
    case 'bytes':
      return value.toString('base64');
    case 'time':
      return decodeTime(value);
    case 'intOrString':
      return decodeIntOrString(value);
    default:
      return decodeMessage(value, type);
  }
}

function isZero(value: Json): boolean {
  if (isObject(value)) return Object.keys(value).length === 0;
  return value === undefined || value === '' || value === 0 || value === false;
}

function add(result: JsonObject, field: Field, value: number | Buffer): void {
  const before = result[field.name];
  if (field.container === 'map' && Buffer.isBuffer(value)) {
    const entry = { [text(member(value, 1))]: decodeValue(member(value, 2) ?? Buffer.alloc(0), field.type) };
    result[field.name] = { ...(isObject(before) ? before : {}), ...entry };
    return;
  }
  const decoded = decodeValue(value, field.type);
  if (field.container === 'list') result[field.name] = [...(Array.isArray(before) ? before : []), decoded];
  else if (field.optional || !isZero(decoded)) result[field.name] = decoded;
}

function decodeMessage(bytes: Buffer, name: string): JsonObject {
  const known = messages.get(name);
  if (!known) throw new UnsupportedProtobuf(`protobuf message ${name}`);
  const result: JsonObject = {};
  for (const { number, value } of fieldsOf(bytes)) {
    const field = known.get(number);
    const empty = Buffer.isBuffer(value) ? value.length === 0 : value === 0;
    if (field && field.type !== 'ignored') add(result, field, value);
    // Go writes empty values of every field; only what says something may not be lost.
    else if (!field && !empty) throw new UnsupportedProtobuf(`field ${number} of protobuf message ${name}`);
  }
  return result;
}

/**
 * Decodes application/vnd.kubernetes.protobuf into what the same object is in JSON.
 * Throws UnsupportedProtobuf for kinds and fields that are not in the table of messages.
 */
export function decodeKubernetes(body: Buffer): JsonObject {
  if (!body.subarray(0, 4).equals(magic)) throw new UnsupportedProtobuf('a body without the Kubernetes prefix');
  const envelope = body.subarray(4);
  const typeMeta = member(envelope, 1);
  const raw = member(envelope, 2);
  const type = Buffer.isBuffer(typeMeta) ? typeMeta : Buffer.alloc(0);
  const [apiVersion, kind] = [text(member(type, 1)), text(member(type, 2))];
  return { apiVersion, kind, ...decodeMessage(Buffer.isBuffer(raw) ? raw : Buffer.alloc(0), kind) };
}
