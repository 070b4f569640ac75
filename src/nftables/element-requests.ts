import { ask, netfilterAttributes, NetlinkError } from '../netlink/index.ts';
import type { Message, MessageWriter, NetlinkRequest, NetlinkTransport } from '../netlink/index.ts';
import { elementListAttribute, setAttribute } from './constants.ts';
import { decodeElement, encodeElement } from './objects/index.ts';
import type { Element, Mark, SetDefinition } from './objects/index.ts';
import { nftRequest } from './requests.ts';

/** Keys asked for at once: each answer takes about 1 KiB of the socket's queue. */
const keysPerRequest = 256;

/** Asks for all elements of a set, or with `elements` for those whose keys it writes. */
export function elementsRequest(
  table: string,
  set: SetDefinition,
  elements?: (writer: MessageWriter) => void,
): NetlinkRequest {
  return nftRequest(`list elements of ${set.name}`, 'getElements', (writer) => {
    writer.string(elementListAttribute.table, table);
    writer.string(elementListAttribute.set, set.name);
    if (elements === undefined) return;
    const list = writer.beginNested(elementListAttribute.elements);
    elements(writer);
    writer.endAttribute(list);
  });
}

/** Takes the elements out of a message. */
export function collectElements(set: SetDefinition, message: Message, into: Mark[]): void {
  const list = netfilterAttributes(message).get(elementListAttribute.elements);
  for (const [, item] of list?.attributes() ?? []) into.push(decodeElement(set, item));
}

/** Elements by key; undefined for those that are not there. */
export function elementsByKey(
  socket: NetlinkTransport,
  table: string,
  set: SetDefinition,
  keys: readonly Pick<Element, 'key'>[],
): (Element | undefined)[] {
  if (set.interval === true && set.key.length === 1) {
    throw new TypeError(`the kernel does not tell intervals by key: list set ${set.name} instead`);
  }
  const found: (Element | undefined)[] = [];
  while (found.length < keys.length) {
    const wanted = keys.slice(found.length, found.length + keysPerRequest);
    const { marks, complete } = askFor(socket, table, set, wanted);
    // ENOENT may also mean that there is no such set.
    if (!complete && found.length === 0) ask(socket, setRequest(table, set), () => undefined);
    for (const { element } of marks) found.push(element);
    if (!complete) found.push(undefined);
  }
  return found;
}

/** The elements up to the first key that is not there, at which the kernel stops. */
function askFor(
  socket: NetlinkTransport,
  table: string,
  set: SetDefinition,
  keys: readonly Pick<Element, 'key'>[],
): { marks: readonly Mark[]; complete: boolean } {
  const marks: Mark[] = [];
  const request = elementsRequest(table, set, (writer) => {
    for (const { key } of keys) encodeElement(writer, set, { set: set.name, key }, { keyOnly: true });
  });
  try {
    ask(socket, request, (message) => collectElements(set, message, marks));
    return { marks, complete: true };
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENOENT') return { marks, complete: false };
    throw error;
  }
}

/** Asks what a set is. The kernel answers ENOENT if there is no such set. */
export function setRequest(table: string, set: SetDefinition): NetlinkRequest {
  return nftRequest(`list elements of ${set.name}`, 'getSet', (writer) => {
    writer.string(setAttribute.table, table);
    writer.string(setAttribute.name, set.name);
  });
}
