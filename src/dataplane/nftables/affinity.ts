import { CommitError } from '../../nftables/index.ts';
import type { Element, Transaction } from '../../nftables/index.ts';
import { addWritten, nothingWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { isAffinityMap, rememberedAs } from './affinity-room.ts';
import { inParts, writeElements } from './batches.ts';
import type { Generation } from './generation.ts';
import type { Plan } from './plan.ts';
import { requiredDefinition } from './sets.ts';

/** How often a clean-up of remembered clients is tried again because entries expired under its hands. */
const attempts = 5;

/** Whether a client may stay with an endpoint: the name of the map that remembers it, and the endpoint. */
type MayStay = (map: string, endpoint: string) => boolean;

/** Writes what makes clients forgotten. */
type Forget = (tx: Transaction) => void;

/**
 * Commits what takes endpoints away, with the clients that stay with them forgotten in the same transaction, so that
 * none of them is sent there again; whoever was remembered between the reading and the commit is forgotten right after.
 * Costs a dump of the clients of the Service ports concerned, and nothing when no live set loses an element.
 *
 * @param plan.rooms where clients go on being remembered: maps of no such room go as a whole
 */
export async function commitForgetting(
  generation: Generation,
  plan: Pick<Plan, 'deletes' | 'rooms'>,
  commit: (forget: Forget) => Promise<Written>,
): Promise<Written> {
  const left = leftEndpoints(plan.deletes);
  const staying = left.size === 0 ? new Set() : new Set(plan.rooms.flatMap(({ sets }) => sets.map(({ name }) => name)));
  for (const map of left.keys()) if (!staying.has(map)) left.delete(map);
  const mayStay: MayStay = (map, endpoint) => left.get(map)?.has(endpoint) !== true;
  for (let attempt = 1; ; attempt++) {
    const forgotten = await clientsToForget(generation, left.keys(), mayStay);
    try {
      const written = await despiteExpiry(forgotten, commit);
      return addWritten(written, await forgetClients(generation, left.keys(), mayStay));
    } catch (error) {
      if (!isExpiry(error) || attempt === attempts) throw error;
    }
  }
}

/** Forgets the clients in these maps that stay where they may not. */
async function forgetClients(generation: Generation, maps: Iterable<string>, mayStay: MayStay): Promise<Written> {
  const names = [...maps];
  let written = nothingWritten;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const deletes = await clientsToForget(generation, names, mayStay);
    if (deletes.length === 0) break;
    try {
      for (const part of inParts(deletes)) {
        const committed = await despiteExpiry(part, (forget) => {
          const tx = generation.transaction();
          forget(tx);
          return generation.commit(tx);
        });
        written = addWritten(written, committed);
      }
    } catch (error) {
      if (!isExpiry(error)) throw error;
    }
  }
  return written;
}

/**
 * Commits deletes of clients that may have expired since they were read: of thousands some always have, and one is enough
 * for the kernel to refuse. Then all of them are added again first, which is nothing new for those that are still there.
 */
async function despiteExpiry(
  clients: readonly Element[],
  commit: (forget: Forget) => Promise<Written>,
): Promise<Written> {
  try {
    return await commit((tx) => writeElements(tx, { deletes: clients, adds: [] }));
  } catch (error) {
    if (!isExpiry(error)) throw error;
  }
  return commit((tx) => {
    writeElements(tx, { deletes: [], adds: clients });
    writeElements(tx, { deletes: clients, adds: [] });
  });
}

/** Where clients may stay: endpoints as the map remembers them, by the map. */
type Live = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * The endpoints that clients in these maps may stay with.
 *
 * @param elements all that the sets are to hold
 */
export function liveEndpoints(elements: Iterable<Element>, maps: Iterable<string>): Live {
  const live = new Map([...maps].filter(isAffinityMap).map((map) => [map, new Set<string>()]));
  if (live.size === 0) return live;
  for (const { set, key } of elements) {
    const { map = '', data = '' } = rememberedAs(set, key) ?? {};
    live.get(map)?.add(data);
  }
  return live;
}

/** Forgets the clients that stay with an endpoint which is not live. */
export function forgetStrayClients(generation: Generation, live: Live): Promise<Written> {
  return forgetClients(generation, live.keys(), (map, endpoint) => live.get(map)?.has(endpoint) === true);
}

/** Endpoints that leave live sets, by the map of the clients that may stay with them. */
function leftEndpoints(leaving: readonly Element[]): Map<string, Set<string>> {
  const left = new Map<string, Set<string>>();
  for (const { set, key } of leaving) {
    const remembered = rememberedAs(set, key);
    if (!remembered) continue;
    const endpoints = left.get(remembered.map) ?? new Set();
    left.set(remembered.map, endpoints.add(remembered.data));
  }
  return left;
}

async function clientsToForget(generation: Generation, maps: Iterable<string>, mayStay: MayStay): Promise<Element[]> {
  const forgotten: Element[] = [];
  for (const map of maps) {
    for (const { set, key, data = '', timeoutSeconds } of await generation.elements(requiredDefinition(map))) {
      const time = timeoutSeconds === undefined ? {} : { timeoutSeconds };
      if (!mayStay(map, data)) forgotten.push({ set, key, data, ...time });
    }
  }
  return forgotten;
}

/** Expired; added again, and meanwhile remembered for another endpoint; added again, and the map is full. */
const outdated = new Set(['ENOENT', 'EEXIST', 'ENFILE']);

/** The refusal is only about remembered clients that are others than they were when they were read. */
function isExpiry(error: unknown): boolean {
  return (
    error instanceof CommitError &&
    error.culprits.length > 0 &&
    error.culprits.every(({ set, code }) => outdated.has(code) && set !== undefined && isAffinityMap(set))
  );
}
