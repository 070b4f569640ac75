import { listenerRanges } from '../../haproxy/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { ServicePort } from '../../services/index.ts';
import { changeOver } from '../change-over.ts';
import { addWritten } from '../data-plane.ts';
import type {
  Applied,
  Changes,
  ConnectionCount,
  DataPlane,
  DesiredPort,
  EngineTarget,
  EngineTargets,
  EngineTargetState,
  Explanation,
  Fallback,
  Integrity,
  NodeSettings,
  Packet,
  Preview,
  RequestCount,
  ServedCounts,
  Started,
  Written,
} from '../data-plane.ts';
import type { NftablesDataPlane } from '../nftables/index.ts';
import { anyWants, askedBy, bySlots, targetsOf, textOf } from './desired-ports.ts';
import { explainProxy } from './explain.ts';
import type { Proxy } from './proxy.ts';
import { claimNamed } from './read-back.ts';
import { requestCount } from './request-count.ts';
import { serversFor, tenantsOf, wantsProxy } from './section-kind.ts';

/** How long an answer holds, while Service ports come that want the proxy. */
const answerMilliseconds = 1000;

type Ports = ReadonlyMap<string, DesiredPort>;

/**
 * Mode userspace, around the data plane of the modes whose packets stay in the kernel: a proxy in user space takes the
 * connections of the Service ports that ask for it. To the table a listener of the proxy is an endpoint with one slot. A
 * sync is prepare, table, retire. A Service port is never down because of the proxy: what it cannot serve, slots do.
 */
export class UserspaceDataPlane implements DataPlane {
  readonly #below: DataPlane;
  readonly #table: Pick<NftablesDataPlane, 'namedTargets'>;
  readonly #proxy: Proxy;
  readonly #log: Logger;
  readonly #fallbacks = new Map<string, Fallback>();
  #node: NodeSettings | undefined;
  #up = false;
  #missing: string | undefined;
  #probedAt = -Infinity;
  #tellLost: () => void = () => undefined;

  constructor(o: { below: DataPlane; table: Pick<NftablesDataPlane, 'namedTargets'>; proxy: Proxy; log: Logger }) {
    this.#below = o.below;
    this.#table = o.table;
    this.#proxy = o.proxy;
    this.#log = o.log;
    this.#proxy.whenEnded(() => void this.#ended());
  }

  get mode(): string {
    return this.#below.mode;
  }

  get served(): Ports {
    return this.#below.served;
  }

  get fastPath(): DataPlane['fastPath'] {
    return this.#below.fastPath;
  }

  get sizes(): ReadonlyMap<string, number> {
    return this.#below.sizes;
  }

  servedBy(): ServedCounts {
    return this.#below.servedBy();
  }

  get fallbacks(): ReadonlyMap<string, Fallback> {
    return new Map([...this.#below.fallbacks, ...this.#fallbacks]);
  }

  async start(ports: Ports, node: NodeSettings): Promise<Started> {
    this.#node = node;
    this.#fallbacks.clear();
    const wanted = anyWants(ports, node);
    this.#up = wanted && (await this.#probe());
    if (this.#up) {
      await this.#proxy.adopt();
      claimNamed(this.#proxy, ports, await this.#table.namedTargets());
    }
    const started = await this.#below.start(await this.#place(ports, node), this.#settings(node));
    if (this.#up) await this.#retireAllBut(this.served);
    else if (!wanted) await this.#proxy.remove('connections');
    return started;
  }

  async apply(changes: Changes, retried?: ReadonlySet<string>): Promise<Applied> {
    const node = this.#started;
    let written: Written | undefined;
    if (!this.#up && anyWants(changes, node) && (await this.#isThere())) {
      await this.#proxy.adopt();
      this.#up = true;
      written = await this.#below.setNode(this.#settings(node));
    }
    const before = new Map([...changes.keys()].map((id) => [id, targetsOf(this.served.get(id))]));
    const applied = await this.#below.apply(await this.#place(changes, node), retried);
    const gone = [...changes].filter(([id, desired]) => !desired && !this.served.has(id)).map(([id]) => id);
    if (this.#up) await this.#retire(before, gone);
    this.#proxy.forget(gone);
    return written ? { ...applied, written: addWritten(written, applied.written) } : applied;
  }

  async setNode(node: NodeSettings): Promise<Written> {
    const before = this.#started;
    const written = await this.#below.setNode(this.#settings(node));
    this.#node = node;
    const concerned = [...this.served].filter(([, { port }]) => wantsProxy(port, before) !== wantsProxy(port, node));
    return changeOver(this, new Map(concerned), { before, written, bySlots });
  }

  async verify(): Promise<Integrity> {
    const integrity = await this.#below.verify();
    if (this.#up && integrity === 'intact') await this.#look();
    return integrity;
  }

  whenLost(listener: () => void): void {
    this.#tellLost = listener;
  }

  async recoverable(): Promise<ReadonlySet<string>> {
    // What an apply of the same would hand to slots: HAProxy has ended.
    const lost = this.#up ? [] : [...this.served].filter(([, { proxied }]) => proxied).map(([id]) => id);
    const again = this.#fallbacks.size > 0 && (await this.#probe()) ? this.#fallbacks.keys() : [];
    return new Set([...(await this.#below.recoverable()), ...lost, ...again]);
  }

  counters(): Promise<ConnectionCount[]> {
    return this.#below.counters();
  }

  async requests(): Promise<RequestCount[]> {
    const totals = await this.#proxy.requests();
    return [...totals].flatMap(([id, total]) => requestCount(this.served.get(id)?.port, total) ?? []);
  }

  async explain(packet: Packet): Promise<Explanation> {
    return explainProxy(this.#proxy, await this.#below.explain(packet));
  }

  engineTargets(): Promise<EngineTargetState[]> {
    return this.#below.engineTargets();
  }

  async preview(ports: Ports, node: NodeSettings): Promise<Preview> {
    if (!anyWants(ports, node) || (await this.#proxy.missing()) !== undefined) return this.#below.preview(ports, node);
    if (!this.#up) await this.#proxy.adopt();
    claimNamed(this.#proxy, ports, await this.#table.namedTargets());
    return this.#below.preview(this.#assign(ports, node), { ...node, listenerRanges: Object.values(listenerRanges) });
  }

  async remove(spared?: 'connections'): Promise<string | undefined> {
    const removed = [await this.#below.remove(), await this.#proxy.remove(spared)];
    this.#up = false;
    this.#fallbacks.clear();
    return removed.filter((what) => what !== undefined).join(' and ') || undefined;
  }

  /** HAProxy is in the agent's Pod. Sections stay as they are, with the connections that they have. */
  async standDown(): Promise<void> {
    const proxied = [...this.served].filter(([, desired]) => desired.proxied);
    if (proxied.length > 0) await this.#below.apply(new Map(proxied.map(([id, desired]) => [id, bySlots(desired)])));
  }

  close(): void {
    this.#proxy.close();
    this.#below.close();
  }

  get #started(): NodeSettings {
    if (!this.#node) throw new Error('the data plane has not been started');
    return this.#node;
  }

  /** HAProxy may have ended. */
  async #ended(): Promise<void> {
    try {
      if (this.#up) await this.#look();
    } catch (error) {
      this.#log.error('cannot find out whether HAProxy has ended', { error });
    }
  }

  async #look(): Promise<void> {
    const lost = await this.#proxy.lost();
    if (lost === undefined) return this.#proxy.tidy();
    this.#up = false;
    this.#missing = lost;
    this.#log.error('HAProxy is gone; its Services go back to slots', { error: lost });
    this.#tellLost();
  }

  /** Whether HAProxy can serve, as it was found a moment ago. */
  async #isThere(): Promise<boolean> {
    if (performance.now() - this.#probedAt >= answerMilliseconds) return this.#probe();
    return this.#missing === undefined;
  }

  #settings(node: NodeSettings): NodeSettings {
    return this.#up ? { ...node, listenerRanges: Object.values(listenerRanges) } : node;
  }

  /** Whether HAProxy can serve; what is missing is told once. */
  async #probe(): Promise<boolean> {
    const missing = await this.#proxy.probe();
    this.#probedAt = performance.now();
    if (missing !== undefined && missing !== this.#missing) {
      this.#log.warn('HAProxy cannot serve; Services are served by slots', { reason: missing });
    }
    this.#missing = missing;
    return missing === undefined;
  }

  /** Has HAProxy do what Service ports need; they come back with their targets, and those of others as they were. */
  async #place<Wanted extends DesiredPort | undefined>(
    changes: ReadonlyMap<string, Wanted>,
    node: NodeSettings,
  ): Promise<Map<string, Wanted | DesiredPort>> {
    const wanting = [...changes.values()].flatMap((desired) =>
      desired && wantsProxy(desired.port, node) ? [desired.port] : [],
    );
    const noRoom = this.#up ? await this.#proxy.reserve(wanting.flatMap(tenantsOf)) : undefined;
    const placed = this.#assign(changes, node, noRoom);
    if (!this.#up) return placed;
    const sections = wanting.flatMap((port) =>
      tenantsOf(port).map((tenant) => ({ tenant, servers: serversFor(port, tenant.scope) })),
    );
    for (const [{ id }, reason] of await this.#proxy.prepare(sections)) {
      const desired = placed.get(id);
      if (desired) placed.set(id, bySlots(desired));
      if (desired) this.#fallbacks.set(id, { reason, askedBy: askedBy(desired.port) });
    }
    return placed;
  }

  #assign<Wanted extends DesiredPort | undefined>(
    changes: ReadonlyMap<string, Wanted>,
    node: NodeSettings,
    noRoom = 'HAProxy has no section left',
  ): Map<string, Wanted | DesiredPort> {
    const placed = new Map<string, Wanted | DesiredPort>();
    for (const [id, desired] of changes) {
      this.#fallbacks.delete(id);
      placed.set(id, desired && this.#assigned(desired, node, noRoom));
    }
    return placed;
  }

  #assigned(desired: DesiredPort, node: NodeSettings, noRoom: string): DesiredPort {
    const { port } = desired;
    const targets = wantsProxy(port, node) ? this.#targetsFor(port, noRoom) : {};
    if (typeof targets !== 'string') {
      return Object.keys(targets).length > 0 ? { ...desired, via: targets, proxied: true } : bySlots(desired);
    }
    this.#fallbacks.set(port.id, { reason: targets, askedBy: askedBy(port), ...(!this.#up && { awaited: true }) });
    return bySlots(desired);
  }

  /** The targets of a Service port, none if it has no endpoints; or why it cannot have any. */
  #targetsFor(port: ServicePort, noRoom: string): EngineTargets | string {
    if (!this.#up) return this.#missing ?? 'HAProxy has not been looked for yet';
    const targets: EngineTargets = {};
    for (const tenant of tenantsOf(port)) {
      const target = this.#proxy.assign(tenant);
      if (!target) return noRoom;
      targets[tenant.scope] = target;
    }
    return targets;
  }

  async #retire(before: ReadonlyMap<string, EngineTarget[]>, gone: readonly string[]): Promise<void> {
    const left = [...before].flatMap(([id, targets]) => {
      const kept = targetsOf(this.served.get(id)).map(textOf);
      return targets.filter((target) => !kept.includes(textOf(target)));
    });
    if (left.length + gone.length > 0) await this.#proxy.retire(left, gone);
  }

  async #retireAllBut(served: Ports): Promise<void> {
    const named = new Set([...served.values()].flatMap(targetsOf).map(textOf));
    await this.#proxy.retire(this.#proxy.held().filter((target) => !named.has(textOf(target))));
  }
}
