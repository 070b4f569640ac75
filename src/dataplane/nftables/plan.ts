import type { Culprit, Element } from '../../nftables/index.ts';
import type { Changes, DesiredPort } from '../data-plane.ts';
import { Difference } from './difference.ts';
import type { Counted } from './difference.ts';
import { ElementMap } from './element-map.ts';
import { elementsOf } from './elements.ts';
import type { PortElements } from './elements.ts';
import { Owners } from './owners.ts';
import type { Room } from './rooms.ts';

/** What one transaction has to do. Deletes go first: the data of a map element cannot be overwritten. */
export interface Plan {
  readonly deletes: readonly Element[];
  readonly adds: readonly Element[];
  /** Rooms that must be there before the elements are, each after those that it needs itself. */
  readonly rooms: readonly Room[];
  /** Names of rooms that nothing leads to once the kernel has taken the plan. */
  readonly unneededRooms: readonly string[];
  /** A Service port that brought what a refusal is about. */
  ownerOf(culprit: Culprit): string | undefined;
  /** Call when the kernel has taken the plan: from now on it is the state that changes are compared with. */
  accept(): void;
}

/**
 * The elements the kernel holds for Service ports, as a function of the Service ports themselves: nothing but the
 * accepted Service ports and reference counts of shared elements is kept, elements are computed again when needed.
 */
export class TableState {
  readonly #ports = new Map<string, DesiredPort>();
  readonly #references = new ElementMap<number>();
  /** How many Service ports need a room, by its name. */
  readonly #tenants = new Map<string, number>();
  /** Rooms in which very many clients are remembered. */
  readonly #crowded: Set<string>;

  readonly #fastPath: boolean;

  /**
   * @param crowded rooms in which very many clients are remembered already
   * @param fastPath connections of Services take the fast path
   */
  constructor(crowded: Iterable<string> = [], fastPath = false) {
    this.#fastPath = fastPath;
    this.#crowded = new Set(crowded);
  }

  /** The accepted Service ports, by id. */
  get ports(): ReadonlyMap<string, DesiredPort> {
    return this.#ports;
  }

  /** Whether a Service port needs this room. */
  needs(room: string): boolean {
    return this.#tenants.has(room);
  }

  /** Very many clients are remembered in these rooms. True if any is another one because of that. */
  crowd(rooms: readonly string[]): boolean {
    const before = this.#crowded.size;
    for (const room of rooms) this.#crowded.add(room);
    return this.#crowded.size > before;
  }

  /** Elements to delete and add so that the kernel follows `changes`; nothing is remembered before `accept()`. */
  plan(changes: Changes): Plan {
    const difference = new Difference(this.#references);
    const rooms = new Map<string, Room>();
    const tenants = new Map<string, number>();
    const count = (name: string, by: number): void => {
      tenants.set(name, (tenants.get(name) ?? this.#tenants.get(name) ?? 0) + by);
    };
    for (const [id, desired] of changes) {
      const before = this.#render(this.#ports.get(id));
      const after = this.#render(desired);
      difference.own(before.own, after.own);
      difference.shared(before.shared, after.shared);
      for (const { name } of before.rooms) count(name, -1);
      for (const room of after.rooms) {
        count(room.name, 1);
        rooms.set(room.name, room);
      }
    }
    const { deletes, adds, references } = difference.result();
    let owners: Owners | undefined;
    return {
      deletes,
      adds,
      rooms: [...rooms.values()],
      unneededRooms: [...tenants].flatMap(([name, number]) => (number === 0 ? name : [])),
      ownerOf: (culprit) => (owners ??= this.#owners(changes)).of(culprit),
      accept: () => {
        for (const [id, desired] of changes) setOrDelete(this.#ports, id, desired);
        for (const [name, number] of tenants) {
          setOrDelete(this.#tenants, name, number === 0 ? undefined : number);
          if (number === 0) this.#crowded.delete(name);
        }
        this.#countReferences(references);
      },
    };
  }

  /** Whose elements and rooms these are; asked for after a failure only. What is added belongs to who adds it. */
  #owners(changes: Changes): Owners {
    const owners = new Owners();
    for (const id of changes.keys()) owners.add(id, { ...this.#render(this.#ports.get(id)), shared: [], rooms: [] });
    for (const [id, desired] of changes) owners.add(id, this.#render(desired));
    return owners;
  }

  #render(desired: DesiredPort | undefined): PortElements {
    if (!desired) return nothing;
    return elementsOf(desired, { isCrowded: (room) => this.#crowded.has(room), fastPath: this.#fastPath });
  }

  #countReferences(references: Iterable<Counted>): void {
    for (const { element, count } of references) {
      if (count > 0) this.#references.set(element, count);
      else this.#references.delete(element);
    }
  }
}

const nothing: PortElements = { own: [], shared: [], rooms: [] };

function setOrDelete<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
