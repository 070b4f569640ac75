import type { Transaction } from '../../nftables/index.ts';
import { addWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { isLiveSetOf, leftSetName, rememberedAs } from './affinity-room.ts';
import { writeElements } from './batches.ts';
import type { Generation } from './generation.ts';
import type { Plan } from './plan.ts';
import {
  attempts,
  clientsToForget,
  despiteExpiry,
  forgetClients,
  hasManyClients,
  isExpiry,
} from './remembered-clients.ts';
import type { Forget, MayStay } from './remembered-clients.ts';
import { requiredDefinition } from './sets.ts';

/** As long as any client is remembered that does not come (the API server allows no longer timeout for ClientIP). */
const longestSeconds = 86_400;

/** An endpoint that leaves the live set of a map of clients. */
interface Leaving {
  readonly map: string;
  /** As the map remembers it. */
  readonly data: string;
  /** As live sets have it. */
  readonly endpoint: string;
}

/**
 * Commits what takes endpoints away, so that none of the clients that stay with them is sent there again. Few clients
 * are forgotten in the same transaction, and whoever was remembered between the reading and the commit right after. Of
 * very many nobody is read: the endpoint is put down as one that has left, and they are forgotten when they come.
 */
export async function commitForgetting(
  generation: Generation,
  { read, putDown }: WaysToForget,
  commit: (forget: Forget) => Promise<Written>,
): Promise<Written> {
  const endpoints = new Map(read.map(({ map }) => [map, new Set<string>()]));
  for (const { map, data } of read) endpoints.get(map)?.add(data);
  const mayStay: MayStay = (map, endpoint) => endpoints.get(map)?.has(endpoint) !== true;
  const committing = (forget: Forget): Promise<Written> =>
    commit((tx) => {
      putDownAsLeft(tx, putDown);
      forget(tx);
    });
  for (let attempt = 1; ; attempt++) {
    const forgotten = await clientsToForget(generation, endpoints.keys(), mayStay);
    try {
      const written = await despiteExpiry(forgotten, committing);
      return addWritten(written, await forgetClients(generation, endpoints.keys(), mayStay));
    } catch (error) {
      if (!isExpiry(error) || attempt === attempts) throw error;
    }
  }
}

/** Makes a client's next packet, if it is remembered for one of these endpoints, the last that goes that way. */
export function putDownAsLeft(tx: Transaction, leaving: readonly Pick<Leaving, 'map' | 'endpoint'>[]): void {
  const adds = leaving.map(({ map, endpoint }) => ({
    set: leftSetName(map),
    key: endpoint,
    timeoutSeconds: longestSeconds,
  }));
  // One that is there already keeps the time that it has; with a delete in between it begins anew.
  for (const changes of [
    { deletes: [], adds },
    { deletes: adds, adds },
  ])
    writeElements(tx, changes);
}

/** Endpoints that leave: those whose clients are to be read, and those whose clients are too many for that. */
export interface WaysToForget {
  readonly read: readonly Leaving[];
  readonly putDown: readonly Leaving[];
}

/**
 * Finds out what a plan makes forgotten, and how.
 *
 * @param plan.rooms where clients go on being remembered: maps of no such room go as a whole
 */
export async function waysToForget(
  generation: Generation,
  plan: Pick<Plan, 'deletes' | 'adds' | 'rooms'>,
): Promise<WaysToForget> {
  const leaving = leavingEndpoints(plan);
  const many = new Set<string>();
  for (const map of new Set(leaving.map((each) => each.map))) {
    if (await hasManyClients(generation, map)) many.add(map);
  }
  const read: Leaving[] = [];
  const putDown: Leaving[] = [];
  for (const each of leaving) {
    const lazily = many.has(each.map) && !(await staysElsewhere(generation, plan, each));
    (lazily ? putDown : read).push(each);
  }
  return { read, putDown };
}

/** Endpoints that leave live sets of Service ports that go on remembering clients. */
function leavingEndpoints({ deletes, rooms }: Pick<Plan, 'deletes' | 'rooms'>): Leaving[] {
  const leaving = deletes.flatMap(({ set, key }) => {
    const remembered = rememberedAs(set, key);
    return remembered ? [{ ...remembered, endpoint: key }] : [];
  });
  if (leaving.length === 0) return [];
  const staying = new Set(rooms.flatMap(({ sets }) => sets.map(({ name }) => name)));
  return leaving.filter(({ map }) => staying.has(map));
}

/** One that frontends of another policy go on using is not dropped, so its clients in this map have to be found. */
async function staysElsewhere(
  generation: Generation,
  { deletes, adds, rooms }: Pick<Plan, 'deletes' | 'adds' | 'rooms'>,
  { map, endpoint }: Leaving,
): Promise<boolean> {
  for (const { name } of rooms.flatMap(({ sets }) => sets)) {
    if (!isLiveSetOf(name, map)) continue;
    const isIt = ({ set, key }: { set: string; key: string }): boolean => set === name && key === endpoint;
    if (adds.some(isIt)) return true;
    const present = await generation.elementsByKey(requiredDefinition(name), [endpoint]);
    if (present.length > 0 && !deletes.some(isIt)) return true;
  }
  return false;
}
