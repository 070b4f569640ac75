import type { Culprit } from '../../nftables/index.ts';
import { ElementMap } from './element-map.ts';
import type { PortElements } from './elements.ts';

/** Which Service port brought what; of what several share, one of them. */
export class Owners {
  readonly #elements = new ElementMap<string>();
  /** By the name of a set or chain of a room. */
  readonly #rooms = new Map<string, string>();

  add(id: string, { own, shared, rooms }: PortElements): void {
    for (const element of own) this.#elements.set(element, id);
    for (const element of shared) this.#elements.set(element, id);
    for (const room of rooms) {
      this.#rooms.set(room.name, id);
      for (const { name } of room.sets) this.#rooms.set(name, id);
    }
  }

  /** Undefined if it is nobody's. */
  of({ element, set, chain }: Culprit): string | undefined {
    const owner = element && this.#elements.get(element);
    return owner ?? this.#rooms.get(set ?? '') ?? this.#rooms.get(chain ?? '');
  }
}
