import { setTimeout } from 'node:timers/promises';
import { ask, dump, dumpPages, netfilterAttributes } from '../netlink/index.ts';
import type { Message, NetlinkTransport, OpenTransport } from '../netlink/index.ts';
import { elementListAttribute, setAttribute } from './constants.ts';
import { collectElements, elementsRequest, setRequest } from './element-requests.ts';
import { joinIntervals } from './objects/index.ts';
import type { Element, Mark, SetDefinition } from './objects/index.ts';
import { currentGeneration } from './requests.ts';

/** How often a set is read while others write. */
const attempts = 10;
/** What the kernel is given to rebuild a hash table. */
const rebuildMilliseconds = 25;

/** One dump, and what is known of the time it took. */
interface Look {
  readonly elements: readonly Element[];
  /** Nobody committed in this namespace. */
  readonly undisturbed: boolean;
  /** As many elements as the kernel has counted, none of them twice; also if the kernel does not tell. */
  readonly plausible: boolean;
  readonly repeats: boolean;
}

/**
 * All elements of a set, by dumps.
 *
 * A dump goes on at the place in the kernel's order where its last page ended, so it leaves elements out when others in
 * front of that place go meanwhile, and when a set without a size grows its hash table. Unlike other lists, elements
 * come without a flag that says so (NLM_F_DUMP_INTR). What tells:
 *
 * - the generation counts every commit in the namespace, whatever it changes. It moves a moment before the elements of
 *   a commit go, and not at all when a transaction that adds is given up: hence also
 * - the number of elements, where the kernel tells it (6.18 does, 6.1 does not). Not of ranges, which it counts in halves, nor of sets with
 *   a time-out, where it counts those whose time is up;
 * - an element that comes twice, when the hash table was rebuilt.
 *
 * A set is read again until a dump is undisturbed, or the same as the one before although somebody commits all the time
 * (elsewhere). After the last attempt the answer is all that was seen: what was there the whole time is in it unless
 * every single dump has left it out, and so may be what came or went meanwhile. Of ranges it is the last dump.
 *
 * From a set with a time-out elements also go without a commit, once they have expired: of such, what is left out for
 * that reason goes unnoticed.
 */
export async function readElements(socket: NetlinkTransport, table: string, set: SetDefinition): Promise<Element[]> {
  const seen = new Map<string, Element>();
  let before: ReadonlySet<string> | undefined;
  for (let attempt = 1; ; attempt++) {
    const look = await lookAt(socket, table, set);
    const keys = new Set(look.elements.map(({ key }) => key));
    const settled = before !== undefined && isSame(keys, before);
    if (isRight(look, settled)) return [...look.elements];
    for (const element of look.elements) seen.set(element.key, element);
    if (attempt === attempts) return set.interval === true ? [...look.elements] : [...seen.values()];
    before = keys;
    if (look.repeats) await setTimeout(rebuildMilliseconds);
  }
}

/**
 * Whether a set has more elements than so many, those whose time is up included. Costs what reading that many costs, and
 * nothing where the kernel tells the number (6.18).
 */
export async function hasMoreElements(
  socket: OpenTransport,
  o: { readonly table: string; readonly set: SetDefinition; readonly than: number },
): Promise<boolean> {
  const known = countInKernel(socket, o.table, o.set);
  if (known !== undefined) return known > o.than;
  // A dump can only be given up by closing the socket.
  const other = socket.another();
  try {
    let count = 0;
    for await (const page of dumpPages(other, elementsRequest(o.table, o.set))) {
      for (const message of page) count += countElements(message);
      if (count <= o.than) continue;
      other.close();
      return true;
    }
    return false;
  } finally {
    other.close();
  }
}

function countElements(message: Message): number {
  let count = 0;
  const list = netfilterAttributes(message).get(elementListAttribute.elements);
  for (const [, item] of list?.attributes() ?? []) if (item.length > 0) count++;
  return count;
}

function isRight({ undisturbed, plausible, repeats }: Look, settled: boolean): boolean {
  if (repeats) return false;
  return settled ? undisturbed || plausible : undisturbed && plausible;
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((key) => b.has(key));
}

async function lookAt(socket: NetlinkTransport, table: string, set: SetDefinition): Promise<Look> {
  const { id } = currentGeneration(socket);
  const elements = await dumpElements(socket, table, set);
  const count = countOf(socket, table, set);
  return {
    elements,
    undisturbed: currentGeneration(socket).id === id,
    plausible: count === undefined || count === elements.length,
    repeats: set.interval !== true && new Set(elements.map(({ key }) => key)).size !== elements.length,
  };
}

function dumpElements(socket: NetlinkTransport, table: string, set: SetDefinition): Promise<Element[]> {
  return dump(socket, elementsRequest(table, set), () => {
    const marks: Mark[] = [];
    return {
      use: (message) => collectElements(set, message, marks),
      result: () => joinIntervals(set, marks),
    };
  });
}

/** How many elements a dump should have; undefined if the kernel does not tell. */
function countOf(socket: NetlinkTransport, table: string, set: SetDefinition): number | undefined {
  return set.interval === true || set.timeout === true ? undefined : countInKernel(socket, table, set);
}

function countInKernel(socket: NetlinkTransport, table: string, set: SetDefinition): number | undefined {
  let count: number | undefined;
  ask(socket, setRequest(table, set), (message) => {
    count = netfilterAttributes(message).get(setAttribute.count)?.u32();
  });
  return count;
}
