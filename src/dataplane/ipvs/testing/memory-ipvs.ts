import type {
  Destination,
  DestinationState,
  IpvsOperation,
  VirtualServer,
  VirtualServerName,
} from '../../../ipvs/index.ts';
import { errno, NetlinkError } from '../../../netlink/index.ts';
import type { VirtualServers } from '../engine.ts';
import type { EngineHost } from '../host.ts';

interface Kept {
  server: VirtualServer;
  readonly destinations: Map<string, Destination>;
}

/** The IPVS of a kernel in memory, with what the engine needs of a host: what is in it outlives the engine. */
export class MemoryIpvs {
  readonly #servers = new Map<string, Kept>();
  /** What the host lacks; undefined: nothing. */
  missing: string | undefined;
  loaded = false;
  routes: readonly string[] = [];
  /** Schedulers that the kernel has. */
  schedulers: readonly string[] = ['rr', 'wrr', 'wlc', 'sh', 'mh'];

  /** For an engine. */
  get ipvs(): VirtualServers {
    return {
      probe: () => {
        if (this.missing === 'ip_vs') return Promise.reject(new NetlinkError('no family IPVS', errno.ENOENT));
        this.loaded = true;
        return Promise.resolve();
      },
      servers: () => Promise.resolve([...this.#servers.values()].map(({ server }) => server)),
      destinations: (name) => Promise.resolve(this.destinations(name)),
      carryOut: (operations) => Promise.resolve(this.carryOut(operations)),
      setTcpTimeout: () => Promise.resolve(),
      close: () => undefined,
    };
  }

  /** For an engine. */
  get host(): EngineHost {
    return {
      isLoaded: () => this.loaded,
      prepare: () => {
        if (this.missing !== undefined) return this.missing;
        this.routes = ['169.254.77.0/24'];
        return undefined;
      },
      release: () => {
        const { routes } = this;
        this.routes = [];
        return routes;
      },
    };
  }

  /** `tcp 169.254.77.1 4711 rr: 10.244.0.1 8080 1, ...`, one line for each virtual server, sorted. */
  get text(): string[] {
    const lines = [...this.#servers.values()].map(({ server, destinations }) => {
      const to = [...destinations.values()].map(({ address, port, weight }) => `${address} ${port} ${weight}`);
      return `${nameOf(server)} ${server.scheduler}: ${to.sort().join(', ')}`;
    });
    return lines.sort();
  }

  destinations(name: VirtualServerName): DestinationState[] {
    const kept = this.#servers.get(nameOf(name));
    return [...(kept?.destinations.values() ?? [])].map((each) => ({ ...each, active: 0, inactive: 0 }));
  }

  carryOut(operations: readonly IpvsOperation[]): Map<IpvsOperation, NetlinkError> {
    const refused = new Map<IpvsOperation, NetlinkError>();
    for (const operation of operations) {
      const number = 'destination' in operation ? this.#changeDestination(operation) : this.#changeServer(operation);
      if (number !== 0) refused.set(operation, new NetlinkError(`${operation.do}: refused`, number));
    }
    return refused;
  }

  #changeServer({ do: what, server }: Exclude<IpvsOperation, { destination: unknown }>): number {
    const name = nameOf(server);
    const kept = this.#servers.get(name);
    if (what === 'add' && kept) return errno.EEXIST;
    if (what !== 'add' && !kept) return errno.ESRCH;
    if (what === 'delete') this.#servers.delete(name);
    else if (!this.schedulers.includes(server.scheduler)) return errno.ENOENT;
    else this.#servers.set(name, { server, destinations: kept?.destinations ?? new Map<string, Destination>() });
    return 0;
  }

  #changeDestination(operation: Extract<IpvsOperation, { destination: unknown }>): number {
    const destinations = this.#servers.get(nameOf(operation.server))?.destinations;
    if (!destinations) return errno.ESRCH;
    const { address, port } = operation.destination;
    const place = `${address} ${port}`;
    if (operation.do === 'add' && destinations.has(place)) return errno.EEXIST;
    if (operation.do !== 'add' && !destinations.has(place)) return errno.ENOENT;
    if (operation.do === 'delete') destinations.delete(place);
    else destinations.set(place, operation.destination);
    return 0;
  }
}

function nameOf({ protocol, address, port }: VirtualServerName): string {
  return `${protocol} ${address} ${port}`;
}
