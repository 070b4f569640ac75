import { loadWeights } from '../../dataplane/index.ts';
import type { LoadWeights } from '../../dataplane/index.ts';
import type { ConntrackEntry, ConntrackFilter } from '../../conntrack/index.ts';
import type { Endpoint, ServicePort } from '../../services/index.ts';

/** Counts an open connection by protocol and endpoint: by what answers it. */
function countOpen(entry: ConntrackEntry, counts: Map<string, number>): void {
  if (!isOpen(entry)) return;
  const key = `${entry.protocol} ${entry.reply.source}:${entry.reply.sourcePort}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** TCP connections that are closing do not load their endpoint. */
function isOpen({ protocol, tcpState }: ConntrackEntry): boolean {
  return protocol !== 'tcp' || tcpState === undefined || tcpState === 'SYN_RECV' || tcpState === 'ESTABLISHED';
}

/** Where connections are read from. */
export interface LoadReader {
  scan(filter: ConntrackFilter, visit: (entry: ConntrackEntry) => unknown): Promise<void>;
}

/**
 * New weights for the Service ports that balance by least connections, as far as they differ from the last ones.
 * Reads only the families and protocols that such Service ports use, so nobody pays who does not ask for it.
 */
export class LoadFollower {
  readonly #reader: LoadReader;
  #last = new Map<string, string>();

  constructor(reader: LoadReader) {
    this.#reader = reader;
  }

  async look(ports: Iterable<ServicePort>): Promise<Map<string, LoadWeights | undefined>> {
    const following = [...ports].filter(({ algorithm }) => algorithm === 'least-connections');
    const counts = new Map<string, number>();
    for (const section of sectionsOf(following)) {
      await this.#reader.scan({ ...section, dnat: true }, (entry) => countOpen(entry, counts));
    }
    const changed = new Map<string, LoadWeights | undefined>();
    const last = new Map<string, string>();
    for (const port of following) {
      const weights = loadWeights(
        endpointsOf(port),
        ({ address, port: number }) => counts.get(`${port.protocol} ${address}:${number}`) ?? 0,
      );
      const text = [...weights].join();
      last.set(port.id, text);
      if (this.#last.get(port.id) !== text) changed.set(port.id, weights);
    }
    for (const id of this.#last.keys()) if (!last.has(id)) changed.set(id, undefined);
    this.#last = last;
    return changed;
  }
}

function endpointsOf({ clusterEndpoints, localEndpoints }: ServicePort): Endpoint[] {
  const byName = new Map([...clusterEndpoints, ...localEndpoints].map((one) => [`${one.address}:${one.port}`, one]));
  return [...byName.values()];
}

function sectionsOf(ports: readonly ServicePort[]): { family: 4 | 6; protocol: ServicePort['protocol'] }[] {
  const sections = new Map(ports.map(({ family, protocol }) => [`${family} ${protocol}`, { family, protocol }]));
  return [...sections.values()];
}
