import type { Element } from '../../nftables/index.ts';
import { nothingWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { isAffinityMap, isLiveSetOf, leftSetName, liveSetOf, rememberedAs, roomOf } from './affinity-room.ts';
import { putDownAsLeft } from './affinity.ts';
import { parseKernelName } from './generation.ts';
import type { Generation } from './generation.ts';
import type { Inventory } from './inventory.ts';
import { forgetClients, mostToRead } from './remembered-clients.ts';
import type { TableSocket } from './table-socket.ts';

/** Endpoints by live set. */
type Live = ReadonlyMap<string, ReadonlySet<string>>;

/** Rooms in which an earlier run remembers very many clients. */
export async function crowdedRooms({ socket, table }: Pick<TableSocket, 'socket' | 'table'>): Promise<string[]> {
  const rooms: string[] = [];
  if (!(await socket.tables()).some(({ family, name }) => family === 'inet' && name === table)) return rooms;
  for (const { name: kernelName, definition } of await socket.sets(table)) {
    const { name = '' } = parseKernelName(kernelName) ?? {};
    if (!definition || !isAffinityMap(name)) continue;
    if (await socket.hasMoreElements(table, definition, mostToRead)) rooms.push(roomOf(name));
  }
  return rooms;
}

/**
 * Clients that a new generation of the table goes on with, and that stay with endpoints which are not live any more:
 * they left while no agent was there.
 */
export class StrayClients {
  readonly #tables: TableSocket;
  readonly #generation: Generation;
  /** Maps whose clients are read. */
  readonly #read = new Set<string>();
  readonly #live: Live;

  /** @param o.elements all that the sets are to hold */
  constructor(o: { tables: TableSocket; generation: Generation; elements: Iterable<Element> }) {
    this.#tables = o.tables;
    this.#generation = o.generation;
    this.#live = liveEndpoints(o.elements);
  }

  /**
   * Sorts out the maps that are gone on with. In crowded rooms nobody is read: who may be remembered there was live in
   * the generation before, or has been put down already.
   */
  async find(adopted: Iterable<string>, before: Inventory): Promise<void> {
    for (const map of [...adopted].filter(isAffinityMap)) {
      const crowded = this.#generation.layout.hasSet(leftSetName(map));
      const lived = crowded ? await this.#livedIn(map, before) : undefined;
      if (!lived || !(await this.#putDown(map, lived))) this.#read.add(map);
    }
  }

  /** Forgets those that were read. */
  forget(): Promise<Written> {
    if (this.#read.size === 0) return Promise.resolve(nothingWritten);
    const endpoints = new Map([...this.#read].map((map) => [map, new Set<string>()]));
    for (const [set, keys] of this.#live) {
      for (const key of keys) {
        const { map = '', data = '' } = rememberedAs(set, key) ?? {};
        endpoints.get(map)?.add(data);
      }
    }
    return forgetClients(this.#generation, this.#read, (map, endpoint) => endpoints.get(map)?.has(endpoint) === true);
  }

  /** Endpoints that were live for a map in the generation that is in force; undefined if that cannot be told. */
  async #livedIn(map: string, { sets, inForce }: Inventory): Promise<readonly string[] | undefined> {
    const kernelName = `${liveSetOf(map)}.${inForce}`;
    const set = sets.find(({ name }) => name === kernelName);
    if (!set?.definition) return undefined;
    return (await this.#tables.elements(set.definition)).map(({ key }) => key);
  }

  /** False if one of them is still live for frontends of another policy, so that its clients here have to be found. */
  async #putDown(map: string, lived: readonly string[]): Promise<boolean> {
    const own = this.#live.get(liveSetOf(map));
    const gone = lived.filter((endpoint) => own?.has(endpoint) !== true);
    for (const [set, endpoints] of this.#live) {
      if (isLiveSetOf(set, map) && gone.some((endpoint) => endpoints.has(endpoint))) return false;
    }
    const tx = this.#generation.transaction();
    putDownAsLeft(
      tx,
      gone.map((endpoint) => ({ map, endpoint })),
    );
    await this.#generation.commit(tx);
    return true;
  }
}

function liveEndpoints(elements: Iterable<Element>): Live {
  const live = new Map<string, Set<string>>();
  for (const { set, key } of elements) {
    if (!rememberedAs(set, key)) continue;
    const keys = live.get(set) ?? new Set();
    live.set(set, keys.add(key));
  }
  return live;
}
