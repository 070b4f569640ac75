import { setTimeout } from 'node:timers/promises';
import { ask, dump, netfilterAttributes, NetlinkError } from '../netlink/index.ts';
import type { Message, MessageWriter, NetlinkRequest, NetlinkTransport } from '../netlink/index.ts';
import { elementListAttribute, setAttribute } from './constants.ts';
import { decodeElement, encodeElement, joinIntervals } from './objects/index.ts';
import type { Element, Mark, SetDefinition } from './objects/index.ts';
import { nftRequest } from './requests.ts';

/** Keys asked for at once: each answer takes about 1 KiB of the socket's queue. */
const keysPerRequest = 256;

function requestOf(table: string, set: SetDefinition, elements?: (writer: MessageWriter) => void): NetlinkRequest {
  return nftRequest(`list elements of ${set.name}`, 'getElements', (writer) => {
    writer.string(elementListAttribute.table, table);
    writer.string(elementListAttribute.set, set.name);
    if (elements === undefined) return;
    const list = writer.beginNested(elementListAttribute.elements);
    elements(writer);
    writer.endAttribute(list);
  });
}

function collect(set: SetDefinition, message: Message, into: Mark[]): void {
  const list = netfilterAttributes(message).get(elementListAttribute.elements);
  for (const [, item] of list?.attributes() ?? []) into.push(decodeElement(set, item));
}

/** How often a dump is tried while the kernel rebuilds the set's hash table, and how long it is given in between. */
const dumpAttempts = 20;
const rebuildMilliseconds = 25;

/**
 * All elements, by a dump.
 *
 * A set without a size grows its hash table in the background, and a dump then goes on in another order without any
 * flag: it repeats elements, and leaves out as many. So a repeated key means that the dump is worth nothing.
 *
 * @throws Error if the kernel does not come to rest
 */
export async function readElements(socket: NetlinkTransport, table: string, set: SetDefinition): Promise<Element[]> {
  for (let attempt = 1; attempt <= dumpAttempts; attempt++) {
    const elements = await dumpElements(socket, table, set);
    if (set.interval === true || new Set(elements.map(({ key }) => key)).size === elements.length) return elements;
    await setTimeout(rebuildMilliseconds);
  }
  throw new Error(`set ${set.name} changes its order all the time: it could not be read as a whole`);
}

function dumpElements(socket: NetlinkTransport, table: string, set: SetDefinition): Promise<Element[]> {
  return dump(socket, requestOf(table, set), () => {
    const marks: Mark[] = [];
    return {
      use: (message) => collect(set, message, marks),
      result: () => joinIntervals(set, marks),
    };
  });
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
    if (!complete && found.length === 0) checkSet(socket, table, set);
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
  const request = requestOf(table, set, (writer) => {
    for (const { key } of keys) encodeElement(writer, set, { set: set.name, key }, { keyOnly: true });
  });
  try {
    ask(socket, request, (message) => collect(set, message, marks));
    return { marks, complete: true };
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENOENT') return { marks, complete: false };
    throw error;
  }
}

/** Throws NetlinkError with code ENOENT if there is no such set. */
function checkSet(socket: NetlinkTransport, table: string, set: SetDefinition): void {
  const request = nftRequest(`list elements of ${set.name}`, 'getSet', (writer) => {
    writer.string(setAttribute.table, table);
    writer.string(setAttribute.name, set.name);
  });
  ask(socket, request, () => undefined);
}
