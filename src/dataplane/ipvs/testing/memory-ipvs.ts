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
  /** How often it was asked to give a virtual server a scheduler that it has not: each time it looks for a module. */
  searches = 0;
  /** Called after each operation. */
  watch: () => void = () => undefined;
  #failAfter: number | undefined;

  /** Somebody unloads the module. */
  unload(): void {
    this.missing = 'ip_vs';
    this.loaded = false;
    this.#servers.clear();
  }

  /** The next time that anything is to be carried out, the socket fails after so many operations. */
  failAfter(operations: number): void {
    this.#failAfter = operations;
  }

  /** For an engine. */
  get ipvs(): VirtualServers {
    return {
      probe: () => {
        if (this.missing === 'ip_vs') return Promise.reject(new NetlinkError('no family IPVS', errno.ENOENT));
        this.loaded = true;
        return Promise.resolve();
      },
      servers: async () => {
        await this.#demandModule();
        return [...this.#servers.values()].map(({ server }) => server);
      },
      destinations: async (name) => {
        await this.#demandModule();
        return this.destinations(name);
      },
      carryOut: (operations) => this.#carryOutOrFail(operations),
      setTcpTimeout: () => Promise.resolve(),
      close: () => undefined,
    };
  }

  /** For an engine. */
  get host(): EngineHost {
    return {
      isLoaded: () => this.loaded,
      obstacle: () => this.missing,
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
      this.watch();
    }
    return refused;
  }

  async #demandModule(): Promise<void> {
    if (this.missing === 'ip_vs') await Promise.reject(new NetlinkError('no family IPVS', errno.ENOENT));
  }

  async #carryOutOrFail(operations: readonly IpvsOperation[]): Promise<Map<IpvsOperation, NetlinkError>> {
    await this.#demandModule();
    const failAfter = operations.length > 0 ? this.#failAfter : undefined;
    if (failAfter === undefined) return this.carryOut(operations);
    this.#failAfter = undefined;
    this.carryOut(operations.slice(0, failAfter));
    throw new NetlinkError('answers are missing', errno.ENOBUFS);
  }

  #changeServer({ do: what, server }: Exclude<IpvsOperation, { destination: unknown }>): number {
    const name = nameOf(server);
    const kept = this.#servers.get(name);
    if (what === 'add' && kept) return errno.EEXIST;
    if (what !== 'add' && !kept) return errno.ESRCH;
    if (what === 'delete') this.#servers.delete(name);
    else if (!this.schedulers.includes(server.scheduler)) return this.#searchInVain();
    else this.#servers.set(name, { server, destinations: kept?.destinations ?? new Map<string, Destination>() });
    return 0;
  }

  #searchInVain(): number {
    this.searches++;
    return errno.ENOENT;
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
