import { elementListAttribute, setAttribute, setDescriptionAttribute, setFlag } from '../constants.ts';
import type { AnonymousSet } from '../expressions/index.ts';
import type { MessageWriter } from '../../netlink/index.ts';
import { encodeElement } from './elements.ts';
import { keyLength, typeNumber } from './fields.ts';
import type { FieldType } from './fields.ts';

const key: readonly FieldType[] = ['inet_proto'];

/** Writes the attributes of NEWSET for the anonymous, constant set of IP protocols that a rule refers to. */
export function encodeAnonymousSet(
  writer: MessageWriter,
  table: string,
  set: AnonymousSet,
  protocols: readonly string[],
): void {
  writer.string(setAttribute.table, table);
  writer.string(setAttribute.name, set.name);
  writer.number(setAttribute.flags, setFlag.anonymous | setFlag.constant);
  writer.number(setAttribute.keyType, typeNumber(key));
  writer.number(setAttribute.keyLength, keyLength(key));
  writer.number(setAttribute.id, set.id);
  const description = writer.beginNested(setAttribute.description);
  writer.number(setDescriptionAttribute.size, protocols.length);
  writer.endAttribute(description);
}

/** Writes the attributes of NEWSETELEM with its elements, in the same batch. */
export function encodeAnonymousElements(
  writer: MessageWriter,
  table: string,
  set: AnonymousSet,
  protocols: readonly string[],
): void {
  writer.string(elementListAttribute.table, table);
  writer.string(elementListAttribute.set, set.name);
  writer.number(elementListAttribute.setId, set.id);
  const list = writer.beginNested(elementListAttribute.elements);
  for (const protocol of protocols) encodeElement(writer, { name: set.name, key }, { set: set.name, key: protocol });
  writer.endAttribute(list);
}
