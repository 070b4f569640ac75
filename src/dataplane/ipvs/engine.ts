import { contains } from '../../ip/index.ts';
import { IpvsSocket } from '../../ipvs/index.ts';
import type { IpvsOperation, VirtualServer, VirtualServerName } from '../../ipvs/index.ts';
import { NetlinkError, RequestQueue } from '../../netlink/index.ts';
import type { Family, Protocol } from '../../services/index.ts';
import type { Engine, EngineDescription, EngineServer, EngineServerName } from '../engines/index.ts';
import { nameText } from '../engines/index.ts';
import { byPlace, operationsTo, wantedOf } from './held.ts';
import type { Held } from './held.ts';
import { KernelHost } from './host.ts';
import type { EngineHost } from './host.ts';

/** Targets: link-local addresses and a ULA, none of which clouds or Kubernetes use for anything of theirs. */
export const ipvsRanges: Readonly<Record<Family, string>> = { 4: '169.254.77.0/24', 6: 'fd6e:6674:7078:4d::/64' };

/** What the engine needs of IPVS: a stand-in for the kernel can take its place in tests. */
export type VirtualServers = Pick<
  IpvsSocket,
  'probe' | 'servers' | 'destinations' | 'carryOut' | 'setTcpTimeout' | 'close'
>;

/** Seconds. IPVS does not see a client's reset, and counts such a connection as open until then. */
const tcpTimeout = 120;
/** Virtual servers whose destinations are looked at in one go. */
const lookedAt = 64;

/**
 * IPVS chooses: a target is a virtual server. Everything in the ranges is ours, nothing else is touched. Who it has taken
 * once is translated by conntrack from the second packet on, so that connections outlive their virtual servers.
 */
export class IpvsEngine implements Engine {
  readonly name = 'IPVS';
  readonly ranges = ipvsRanges;
  readonly #ipvs: VirtualServers;
  readonly #host: EngineHost;
  readonly #queue = new RequestQueue();
  readonly #wanted = new Map<string, Held>();
  /** What is still to be looked at in this round of `compare`. */
  #round: string[] = [];

  constructor(o: { ipvs: VirtualServers; host: EngineHost }) {
    this.#ipvs = o.ipvs;
    this.#host = o.host;
  }

  /** @throws NetlinkError if this process may not open netlink sockets. */
  static open(o: { namespacePath?: string; sysctlDirectory?: string }): IpvsEngine {
    const options = o.namespacePath === undefined ? {} : { namespacePath: o.namespacePath };
    const host = new KernelHost({ ...o, ranges: Object.values(ipvsRanges) });
    return new IpvsEngine({ ipvs: IpvsSocket.open(options), host });
  }

  async probe(): Promise<string | undefined> {
    try {
      await this.#ipvs.probe();
      const missing = this.#host.prepare();
      if (missing !== undefined) return missing;
      const foreign = (await this.#ipvs.servers()).some(({ address }) => !this.#isOurs(address));
      // One setting for all of the namespace: not where somebody else has virtual servers.
      if (!foreign) await this.#ipvs.setTcpTimeout(tcpTimeout);
      return undefined;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      if (error.code !== 'ENOENT') return error.message;
      return 'the kernel has no IPVS: load the module ip_vs on the node (modprobe ip_vs), or use mode nftables';
    }
  }

  adopt(): Promise<void> {
    return this.#queue.run(async () => {
      this.#wanted.clear();
      for (const server of await this.#ours()) {
        const destinations = byPlace(await this.#ipvs.destinations(server));
        this.#wanted.set(keyOf(server), { server, destinations });
      }
    });
  }

  prepare(servers: readonly EngineServer[]): Promise<ReadonlyMap<EngineServer, string>> {
    return this.#queue.run(async () => {
      const refused = new Map<EngineServer, string>();
      const operations = new Map<IpvsOperation, EngineServer>();
      for (const server of servers) {
        const wanted = wantedOf(server);
        for (const operation of operationsTo(wanted, this.#wanted.get(nameText(server))))
          operations.set(operation, server);
        this.#wanted.set(nameText(server), wanted);
      }
      for (const [operation, error] of await this.#ipvs.carryOut([...operations.keys()])) {
        const server = operations.get(operation);
        if (server && !refused.has(server) && !isThere(operation, error))
          refused.set(server, reasonOf(operation, error));
      }
      await this.#delete([...refused.keys()]);
      return refused;
    });
  }

  retire(servers: readonly EngineServerName[]): Promise<void> {
    return this.#queue.run(() => this.#delete(servers));
  }

  held(): readonly EngineServerName[] {
    return [...this.#wanted.values()].map(({ server }) => nameOf(server));
  }

  compare(): Promise<number> {
    return this.#queue.run(async () => {
      let repaired = 0;
      if (this.#round.length === 0) repaired = await this.#compareServers();
      for (const key of this.#round.splice(0, lookedAt)) {
        const wanted = this.#wanted.get(key);
        if (!wanted) continue;
        const present = { server: wanted.server, destinations: byPlace(await this.#ipvs.destinations(wanted.server)) };
        const operations = operationsTo(wanted, present.destinations.size > 0 ? present : undefined);
        if (operations.length === 0) continue;
        await this.#ipvs.carryOut(operations);
        repaired++;
      }
      return repaired;
    });
  }

  async describe({ family, protocol, target }: EngineServerName): Promise<EngineDescription | undefined> {
    const key = nameText({ family, protocol, target });
    const server = (await this.#ours()).find((each) => keyOf(each) === key);
    return server && { scheduler: server.scheduler, endpoints: await this.#ipvs.destinations(server) };
  }

  remove(): Promise<string | undefined> {
    return this.#queue.run(async () => {
      const servers = this.#host.isLoaded() ? await this.#ours() : [];
      const refused = await this.#ipvs.carryOut(servers.map((server) => ({ do: 'delete', server })));
      for (const error of refused.values()) if (error.code !== 'ESRCH') throw error;
      this.#wanted.clear();
      const routes = this.#host.release();
      if (servers.length + routes.length === 0) return undefined;
      return `${servers.length} virtual servers of IPVS and the routes ${Object.values(this.ranges).join(', ')}`;
    });
  }

  close(): void {
    this.#ipvs.close();
  }

  #isOurs(address: string): boolean {
    return contains(Object.values(this.ranges), address);
  }

  async #ours(): Promise<VirtualServer[]> {
    return (await this.#ipvs.servers()).filter(({ address }) => this.#isOurs(address));
  }

  async #delete(servers: readonly EngineServerName[]): Promise<void> {
    if (servers.length === 0) return;
    const refused = await this.#ipvs.carryOut(
      servers.map(({ family, protocol, target }) => ({ do: 'delete', server: { family, protocol, ...target } })),
    );
    for (const error of refused.values()) if (error.code !== 'ESRCH') throw error;
    for (const server of servers) this.#wanted.delete(nameText(server));
  }

  /** The virtual servers themselves, and who is in our ranges uncalled; begins a round through their destinations. */
  async #compareServers(): Promise<number> {
    this.#host.prepare();
    const present = new Map((await this.#ours()).map((server) => [keyOf(server), server]));
    const operations: IpvsOperation[] = [];
    for (const [key, server] of present) if (!this.#wanted.has(key)) operations.push({ do: 'delete', server });
    for (const [key, wanted] of this.#wanted) {
      const server = present.get(key);
      if (!server) operations.push(...operationsTo(wanted, undefined));
      else if (server.scheduler !== wanted.server.scheduler) operations.push({ do: 'set', server: wanted.server });
    }
    if (operations.length > 0) await this.#ipvs.carryOut(operations);
    this.#round = [...this.#wanted.keys()];
    return new Set(operations.map(({ server }) => keyOf(server))).size;
  }
}

function keyOf(server: VirtualServerName): string {
  return nameText(nameOf(server));
}

function nameOf({ family, protocol, address, port }: VirtualServerName): EngineServerName {
  return { family, protocol: asProtocol(protocol), target: { address, port } };
}

/** IPVS knows others; in our ranges are none of those. */
function asProtocol(protocol: string): Protocol {
  return protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp';
}

/** Somebody else has done it already, or taken away what was to go. */
function isThere(operation: IpvsOperation, { code }: NetlinkError): boolean {
  return operation.do === 'add' ? code === 'EEXIST' : operation.do === 'delete' && code === 'ENOENT';
}

function reasonOf(operation: IpvsOperation, error: NetlinkError): string {
  const { server } = operation;
  const noScheduler = error.code === 'ENOENT' && 'scheduler' in server && !('destination' in operation);
  return noScheduler ? `the kernel has no scheduler ${server.scheduler} of IPVS` : error.message;
}
