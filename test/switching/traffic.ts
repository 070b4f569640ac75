import { addresses } from '../support/node/index.ts';
import type { ServiceRig } from '../support/node/index.ts';
import { patience } from '../support/index.ts';
import type { Resident, Stream, Visit } from '../support/index.ts';

const places = ['clientPod', 'outside', 'node'] as const;
const target = { address: addresses[4].clusterIP, port: 80 } as const;
/** Connections and streams that are opened at a time from each place. */
const each = 4;

interface Held {
  readonly resident: Resident;
  readonly id: number;
  /** Who answered first. */
  readonly server: string;
}

/** Clients in a pod, outside and on the node itself, all of one Service. */
export class Traffic {
  readonly #residents: readonly Resident[];
  readonly #held: Held[] = [];

  private constructor(residents: readonly Resident[]) {
    this.#residents = residents;
  }

  static async of(node: ServiceRig): Promise<Traffic> {
    return new Traffic(await Promise.all(places.map((where) => node.namespaceOf(where).resident())));
  }

  /** Opens TCP connections that stay. */
  async open(): Promise<void> {
    const opening = this.#residents.flatMap((resident) =>
      Array.from({ length: each }, async () => ({ resident, ...(await resident.open(target.address, target.port)) })),
    );
    this.#held.push(...(await Promise.all(opening)));
  }

  /** Says something on each connection that is open. Rejects if one broke, or somebody else answers. */
  async talk(): Promise<void> {
    for (const { resident, id, server } of this.#held) {
      const now = await resident.talk(id);
      if (now !== server) throw new Error(`${server} answered first, and ${now} now`);
    }
  }

  /** The same, and ends them. */
  async talkAndHangUp(): Promise<void> {
    await this.talk();
    for (const { resident, id } of this.#held.splice(0)) await resident.hangUp(id);
  }

  /** New TCP connections from everywhere, one after the other, while something happens. */
  async connectionsWhile(during: () => Promise<void>): Promise<readonly Visit[]> {
    await Promise.all(this.#residents.map((resident) => resident.flood({ ...target, concurrency: 1 })));
    await during();
    return (await Promise.all(this.#residents.map((resident) => resident.endFlood()))).flat();
  }

  /** Datagrams from sockets that stay, while something happens. */
  async streamsWhile(during: () => Promise<void>): Promise<readonly Stream[]> {
    const asked = { ...target, flows: each, everyMilliseconds: 20 * patience };
    await Promise.all(this.#residents.map((resident) => resident.stream(asked)));
    await during();
    return (await Promise.all(this.#residents.map((resident) => resident.endStream()))).flat();
  }

  /** Datagrams from a new socket each, from everywhere, while something happens: what each got, an address or an error. */
  async datagramsWhile(during: () => Promise<void>): Promise<readonly string[]> {
    const got: string[] = [];
    let ended = false;
    const lane = async (resident: Resident): Promise<void> => {
      while (!ended) {
        const asked = { ...target, protocol: 'udp', timeoutMilliseconds: 5000 * patience } as const;
        for (const { server, error } of await resident.request(asked)) got.push(error ?? server);
      }
    };
    const lanes = this.#residents.map(lane);
    await during();
    ended = true;
    await Promise.all(lanes);
    return got;
  }
}
