import { contains } from '../../ip/index.ts';
import { IpvsSocket } from '../../ipvs/index.ts';
import type { IpvsOperation, VirtualServer } from '../../ipvs/index.ts';
import { NetlinkError, RequestQueue } from '../../netlink/index.ts';
import type { Family } from '../../services/index.ts';
import type { EngineServing } from '../data-plane.ts';
import type { Engine, EngineServer, EngineServerName, Repair } from '../engines/index.ts';
import { nameText } from '../engines/index.ts';
import { byPlace, operationsTo, wantedOf } from './held.ts';
import type { Held } from './held.ts';
import { KernelHost } from './host.ts';
import type { EngineHost } from './host.ts';
import { keyOf, nameOf } from './names.ts';
import { Schedulers } from './schedulers.ts';

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
/** Listing all virtual servers, to find one that is gone, may take this share of the time. */
const listingShare = 0.05;

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
  readonly #schedulers: Schedulers;
  /** `#wanted` may not be what the kernel has. */
  #unsure = false;
  /** What is still to be looked at in this round of `compare`. */
  #round: string[] = [];
  /** When the virtual servers are listed next, as `performance.now` has it. */
  #nextListing = 0;

  constructor(o: { ipvs: VirtualServers; host: EngineHost }) {
    this.#ipvs = o.ipvs;
    this.#schedulers = new Schedulers(o.ipvs);
    this.#host = o.host;
  }

  /** @throws NetlinkError if this process may not open netlink sockets. */
  static open(o: { namespacePath?: string; sysctlDirectory?: string }): IpvsEngine {
    const options = o.namespacePath === undefined ? {} : { namespacePath: o.namespacePath };
    const host = new KernelHost({ ...o, ranges: Object.values(ipvsRanges) });
    return new IpvsEngine({ ipvs: IpvsSocket.open(options), host });
  }

  async probe(): Promise<string | undefined> {
    return orWhatIsMissing(async () => {
      await this.#ipvs.probe();
      return this.#host.obstacle();
    });
  }

  setUp(): Promise<string | undefined> {
    return this.#queue.run(() =>
      orWhatIsMissing(async () => {
        this.#schedulers.forget();
        await this.#ipvs.probe();
        const missing = this.#host.prepare();
        if (missing !== undefined) return missing;
        const foreign = (await this.#ipvs.servers()).some(({ address }) => !this.#isOurs(address));
        // One setting for all of the namespace: not where somebody else has virtual servers.
        if (!foreign) await this.#ipvs.setTcpTimeout(tcpTimeout);
        return undefined;
      }),
    );
  }

  lacks(scheduler: string): Promise<string | undefined> {
    return this.#queue.run(() => this.#schedulers.lacks(scheduler));
  }

  adopt(): Promise<void> {
    return this.#queue.run(() => this.#learn());
  }

  prepare(servers: readonly EngineServer[]): Promise<ReadonlyMap<EngineServer, string>> {
    return this.#queue.run(async () => {
      if (this.#unsure) await this.#learn();
      const refused = new Map<EngineServer, string>();
      const operations = new Map<IpvsOperation, EngineServer>();
      for (const server of servers) {
        const wanted = wantedOf(server);
        // For each virtual server with one that is missing the kernel would look for its module.
        const missing = await this.#schedulers.lacks(server.scheduler);
        if (missing !== undefined) {
          refused.set(server, missing);
          continue;
        }
        for (const operation of operationsTo(wanted, this.#wanted.get(nameText(server))))
          operations.set(operation, server);
        this.#wanted.set(nameText(server), wanted);
      }
      for (const [operation, error] of await this.#ipvs.carryOut([...operations.keys()])) {
        const server = operations.get(operation);
        if (server && !refused.has(server) && !isThere(operation, error)) refused.set(server, error.message);
      }
      return refused;
    });
  }

  retire(servers: readonly EngineServerName[]): Promise<void> {
    return this.#queue.run(() => this.#delete(servers));
  }

  held(): readonly EngineServerName[] {
    return [...this.#wanted.values()].map(({ server }) => nameOf(server));
  }

  compare(): Promise<Repair> {
    return this.#queue.run(async () => {
      const missing = this.#host.prepare();
      if (missing !== undefined) return { repaired: 0, failed: missing };
      const operations = [...(await this.#wrongServers()), ...(await this.#wrongDestinations())];
      const refused = await this.#ipvs.carryOut(operations);
      const failed = [...refused].find(([operation, error]) => !isThere(operation, error))?.[1].message;
      const repaired = new Set(operations.map(({ server }) => keyOf(server))).size;
      return failed === undefined ? { repaired } : { repaired: 0, failed };
    });
  }

  async describe({ family, protocol, target }: EngineServerName): Promise<EngineServing | undefined> {
    const key = nameText({ family, protocol, target });
    const server = (await this.#ours()).find((each) => keyOf(each) === key);
    return server && this.#serving(server);
  }

  async describeAll(): Promise<(EngineServerName & { readonly serving: EngineServing })[]> {
    const described = [];
    for (const server of this.#host.isLoaded() ? await this.#ours() : []) {
      described.push({ ...nameOf(server), serving: await this.#serving(server) });
    }
    return described;
  }

  remove(): Promise<string | undefined> {
    return this.#queue.run(async () => {
      const servers = this.#host.isLoaded() ? await this.#ours() : [];
      const refused = await this.#ipvs.carryOut(servers.map((server) => ({ do: 'delete', server })));
      for (const error of refused.values()) if (error.code !== 'ESRCH') throw error;
      this.#wanted.clear();
      this.#schedulers.forget();
      const routes = this.#host.release();
      if (servers.length + routes.length === 0) return undefined;
      return `${servers.length} virtual servers of IPVS and the routes ${Object.values(this.ranges).join(', ')}`;
    });
  }

  close(): void {
    this.#ipvs.close();
  }

  async #serving(server: VirtualServer): Promise<EngineServing> {
    return { scheduler: server.scheduler, endpoints: await this.#ipvs.destinations(server) };
  }

  #isOurs(address: string): boolean {
    return contains(Object.values(this.ranges), address);
  }

  async #ours(): Promise<VirtualServer[]> {
    return (await this.#ipvs.servers()).filter(({ address }) => this.#isOurs(address));
  }

  async #learn(): Promise<void> {
    this.#unsure = true;
    this.#wanted.clear();
    for (const server of await this.#ours()) {
      const destinations = byPlace(await this.#ipvs.destinations(server));
      this.#wanted.set(keyOf(server), { server, destinations });
    }
    this.#unsure = false;
  }

  async #delete(servers: readonly EngineServerName[]): Promise<void> {
    if (servers.length === 0) return;
    // What was carried out is not known if the socket fails.
    const wasUnsure = this.#unsure;
    this.#unsure = true;
    const refused = await this.#ipvs.carryOut(
      servers.map(({ family, protocol, target }) => ({ do: 'delete', server: { family, protocol, ...target } })),
    );
    for (const error of refused.values()) if (error.code !== 'ESRCH') throw error;
    for (const server of servers) this.#wanted.delete(nameText(server));
    this.#unsure = wasUnsure;
  }

  /** Virtual servers that are gone or changed, and those in our ranges that nobody has asked for. */
  async #wrongServers(): Promise<IpvsOperation[]> {
    const started = performance.now();
    if (started < this.#nextListing) return [];
    const present = new Map((await this.#ours()).map((server) => [keyOf(server), server]));
    const now = performance.now();
    this.#nextListing = now + (now - started) / listingShare;
    const operations: IpvsOperation[] = [];
    for (const [key, server] of present) if (!this.#wanted.has(key)) operations.push({ do: 'delete', server });
    for (const [key, wanted] of this.#wanted) {
      const server = present.get(key);
      if (!server) operations.push(...operationsTo(wanted, undefined));
      else if (server.scheduler !== wanted.server.scheduler) operations.push({ do: 'set', server: wanted.server });
    }
    return operations;
  }

  /** Of some virtual servers: of all of them in turn. One without any is gone. */
  async #wrongDestinations(): Promise<IpvsOperation[]> {
    if (this.#round.length === 0) this.#round = [...this.#wanted.keys()];
    const operations: IpvsOperation[] = [];
    for (const key of this.#round.splice(0, lookedAt)) {
      const wanted = this.#wanted.get(key);
      if (!wanted) continue;
      const { server } = wanted;
      const destinations = byPlace(await this.#ipvs.destinations(server));
      operations.push(...operationsTo(wanted, destinations.size > 0 ? { server, destinations } : undefined));
    }
    return operations;
  }
}

/** What is missing, also where the kernel's refusal says so. */
async function orWhatIsMissing(look: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    if (error.code !== 'ENOENT') return error.message;
    return 'the kernel has no IPVS: load the module ip_vs on the node (modprobe ip_vs), or use mode nftables';
  }
}

/** Somebody else has done it already, or taken away what was to go. */
function isThere(operation: IpvsOperation, { code }: NetlinkError): boolean {
  return operation.do === 'add' ? code === 'EEXIST' : operation.do === 'delete' && code === 'ENOENT';
}
