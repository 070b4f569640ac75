import { setImmediate } from 'node:timers/promises';
import { endpointName, evenOut, loadWeights, refreshWeights } from '../../dataplane/index.ts';
import type { FollowedPort, LoadWeights } from '../../dataplane/index.ts';
import type { ConntrackEntry, ConntrackFilter } from '../../conntrack/index.ts';
import type { Endpoint, ServicePort } from '../../services/index.ts';

/** Every so many looks (half a minute) small differences of a Service port's weights count too. */
const looksBetweenThoroughOnes = 10;
/** Service ports between two turns of the event loop. */
const portsPerTurn = 50;

/** Where connections are read from. */
export interface LoadReader {
  scan(filter: ConntrackFilter, visit: (entry: ConntrackEntry) => unknown): Promise<void>;
}

/** A Service port that is followed. */
interface Followed {
  readonly port: ServicePort;
  readonly endpoints: readonly Endpoint[];
  /** The weights that were given out last. */
  readonly written: LoadWeights | undefined;
  /** How often it was looked at; begins with a number of its own, so that not all are looked at thoroughly at once. */
  readonly looks: number;
  /** The port has changed since the last look; it may be another one of the same name, without weights. */
  readonly fresh: boolean;
}

/**
 * New weights for the Service ports that balance by least connections, as far as they are worth writing. Reads only the
 * families that such Service ports use, each once, so nobody pays who does not ask for it.
 */
export class LoadFollower {
  readonly #reader: LoadReader;
  #followed = new Map<string, Followed>();
  /** Open connections by counterOf, evened out. */
  #open = new Map<string, number>();
  #looking = false;

  constructor(reader: LoadReader) {
    this.#reader = reader;
  }

  /**
   * Looks at the open connections.
   * @returns weights by the id of the Service port; none while an earlier look is still under way
   */
  async look(ports: Iterable<ServicePort>): Promise<Map<string, LoadWeights>> {
    if (this.#looking) return new Map();
    this.#looking = true;
    try {
      return await this.#look(ports);
    } finally {
      this.#looking = false;
    }
  }

  async #look(ports: Iterable<ServicePort>): Promise<Map<string, LoadWeights>> {
    this.#followed = this.#follow(ports);
    const open = new Map<string, number>();
    for (const [counter, count] of await this.#countOpen()) open.set(counter, evenOut(this.#open.get(counter), count));
    this.#open = open;
    const wanted: FollowedPort[] = [];
    for (const followed of this.#followed.values()) {
      const { port, endpoints } = followed;
      wanted.push({
        ...{ port, written: followed.written },
        thorough: followed.looks % looksBetweenThoroughOnes === 0,
        wanted: loadWeights(endpoints, (endpoint) => open.get(counterOf(port.protocol, endpoint)) ?? 0),
      });
      if (wanted.length % portsPerTurn === 0) await setImmediate();
    }
    const given = refreshWeights(wanted);
    for (const [id, followed] of this.#followed) {
      const weights = given.get(id);
      if (weights !== undefined) this.#followed.set(id, { ...followed, written: weights });
      else if (followed.fresh && followed.written !== undefined) given.set(id, followed.written);
    }
    return given;
  }

  /** What was known of the Service ports that are still there, one look later. */
  #follow(ports: Iterable<ServicePort>): Map<string, Followed> {
    const following = new Map<string, Followed>();
    for (const port of ports) {
      if (port.algorithm !== 'least-connections') continue;
      const known = this.#followed.get(port.id);
      const fresh = known?.port !== port;
      const endpoints = known === undefined || fresh ? endpointsOf(port) : known.endpoints;
      const looks = (known?.looks ?? following.size % looksBetweenThoroughOnes) + 1;
      following.set(port.id, { port, endpoints, written: known?.written, looks, fresh });
    }
    return following;
  }

  /** Open connections by protocol and endpoint; of those that matter, whatever else is in the table. */
  async #countOpen(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const { port, endpoints } of this.#followed.values()) {
      for (const endpoint of endpoints) counts.set(counterOf(port.protocol, endpoint), 0);
    }
    for (const filter of filtersFor([...this.#followed.values()].map(({ port }) => port))) {
      await this.#reader.scan(filter, (entry) => {
        if (!isOpen(entry)) return;
        const counter = counterOf(entry.protocol, { address: entry.reply.source, port: entry.reply.sourcePort });
        const count = counts.get(counter);
        if (count !== undefined) counts.set(counter, count + 1);
      });
    }
    return counts;
  }
}

/** A connection is counted for what answers it. */
function counterOf(protocol: string, endpoint: Pick<Endpoint, 'address' | 'port'>): string {
  return `${protocol} ${endpointName(endpoint)}`;
}

/** TCP connections that are closing do not load their endpoint. */
function isOpen({ protocol, tcpState }: ConntrackEntry): boolean {
  return protocol !== 'tcp' || tcpState === undefined || tcpState === 'SYN_RECV' || tcpState === 'ESTABLISHED';
}

function endpointsOf({ clusterEndpoints, localEndpoints }: ServicePort): Endpoint[] {
  return [...new Map([...clusterEndpoints, ...localEndpoints].map((one) => [endpointName(one), one])).values()];
}

/** One reading for each family; the kernel leaves out other protocols where there is but one to count. */
function filtersFor(ports: readonly ServicePort[]): ConntrackFilter[] {
  return ([4, 6] as const).flatMap((family) => {
    const protocols = new Set(ports.filter((port) => port.family === family).map(({ protocol }) => protocol));
    const [protocol] = protocols;
    if (protocol === undefined) return [];
    return [{ family, dnat: true, ...(protocols.size === 1 ? { protocol } : {}) }];
  });
}
