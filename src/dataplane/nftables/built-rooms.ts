import { addWritten, nothingWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { addInParts } from './batches.ts';
import type { Generation } from './generation.ts';
import type { Room } from './rooms.ts';
import type { Sizes } from './sizes.ts';

/** Rooms per transaction. */
const roomsPerTransaction = 2500;

/** A room as it stands in the kernel. */
interface Built {
  /** What it serves; first the one that all that leads there knew last. */
  readonly versions: readonly string[];
  readonly kept: boolean;
  readonly sets: readonly string[];
  readonly chains: readonly string[];
  /** Sets that an earlier version had and this one does not. */
  readonly obsoleteSets: readonly string[];
  /** Elements by set that came with it. */
  readonly elements: ReadonlyMap<string, number>;
}

/** The rooms that a generation has in the kernel. */
export class BuiltRooms {
  readonly #generation: Generation;
  readonly #sizes: Sizes;
  readonly #built = new Map<string, Built>();

  constructor(generation: Generation, sizes: Sizes) {
    this.#generation = generation;
    this.#sizes = sizes;
  }

  /** Those of `rooms` that are not there, or serve other versions only. */
  missing(rooms: readonly Room[]): Room[] {
    return rooms.filter(({ name, version }) => this.#built.get(name)?.versions.includes(version) !== true);
  }

  /** Makes rooms; each comes after those that it needs. What the kernel refuses is thrown, what was made stays. */
  async build(rooms: readonly Room[]): Promise<Written> {
    let written = nothingWritten;
    for (let start = 0; start < rooms.length; start += roomsPerTransaction) {
      const part = rooms.slice(start, start + roomsPerTransaction);
      written = addWritten(written, await this.#buildTogether(part));
      for (const room of part) written = addWritten(written, await this.#furnish(room));
    }
    return written;
  }

  /**
   * Removes rooms that nothing leads to any more.
   *
   * @param settled rooms whose new versions all that leads there knows: what those no longer need goes, too
   */
  async clear(unneeded: readonly string[], settled: readonly Room[] = []): Promise<Written> {
    const gone = unneeded.flatMap((name) => {
      const built = this.#built.get(name);
      return built && !built.kept ? [{ name, ...built }] : [];
    });
    const shrunk = settled.flatMap((room) => {
      const { name } = room;
      const built = this.#settle(room);
      return built && built.obsoleteSets.length > 0 ? [{ name, ...built }] : [];
    });
    const plan = this.#generation.layout.plan({
      unneededChains: gone.flatMap(({ chains }) => chains),
      unneededSets: [...gone.flatMap(({ sets }) => sets), ...shrunk.flatMap(({ obsoleteSets }) => obsoleteSets)],
    });
    const tx = this.#generation.transaction();
    plan.remove(tx);
    const written = await this.#generation.commit(tx);
    plan.accept();
    for (const { name, ...built } of shrunk) {
      const sets = built.sets.filter((set) => !built.obsoleteSets.includes(set));
      this.#built.set(name, { ...built, sets, obsoleteSets: [] });
    }
    for (const { name, elements } of gone) {
      for (const [set, count] of elements) this.#sizes.add(set, -count);
      this.#built.delete(name);
    }
    return written;
  }

  /** From now on this version is the one that must not be forgotten. */
  #settle({ name, version }: Room): Built | undefined {
    const built = this.#built.get(name);
    if (!built || built.versions[0] === version) return built;
    const settled = { ...built, versions: [version, ...built.versions.filter((each) => each !== version)] };
    this.#built.set(name, settled);
    return settled;
  }

  async #buildTogether(rooms: readonly Room[]): Promise<Written> {
    const rendered = rooms.map((room) => {
      const versions = versionsOf(room, this.#built.get(room.name)?.versions);
      return { room, versions, chains: room.chains(versions) };
    });
    const plan = this.#generation.layout.plan({
      sets: rooms.flatMap(({ sets }) => sets),
      chains: rendered.flatMap(({ chains }) => chains),
    });
    const tx = this.#generation.transaction();
    plan.add(tx);
    const written = await this.#generation.commit(tx);
    plan.accept();
    for (const { room, versions, chains } of rendered) {
      const sets = room.sets.map(({ name }) => name);
      const before = this.#built.get(room.name);
      const obsoleteSets = before?.sets.filter((name) => !sets.includes(name)) ?? [];
      this.#built.set(room.name, {
        versions,
        kept: room.kept,
        sets: [...sets, ...obsoleteSets],
        chains: chains.map(({ chain }) => chain.name),
        obsoleteSets,
        elements: before?.elements ?? new Map(),
      });
    }
    return written;
  }

  /** What a room holds is part of its name: it never changes. */
  async #furnish({ name, elements: list }: Room): Promise<Written> {
    const built = this.#built.get(name);
    const adds = list?.() ?? [];
    if (!built || adds.length === 0 || built.elements.size > 0) return nothingWritten;
    const written = await addInParts(this.#generation, adds);
    const elements = new Map<string, number>();
    for (const { set } of adds) elements.set(set, (elements.get(set) ?? 0) + 1);
    for (const [set, count] of elements) this.#sizes.add(set, count);
    this.#built.set(name, { ...built, elements });
    return written;
  }
}

/** What a room is to serve: elements lead to the version in force until they are written, so that one always stays. */
function versionsOf({ version, versionsServed = 1 }: Room, [inForce, ...others]: readonly string[] = []): string[] {
  if (inForce === undefined || versionsServed === 1) return [version];
  return [inForce, version, ...others].slice(0, versionsServed);
}
