import { HaproxyError, listenerRanges } from '../../haproxy/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { changeOver } from '../change-over.ts';
import { addWritten } from '../data-plane.ts';
import type {
  Applied,
  Changes,
  ConnectionCount,
  DataPlane,
  DesiredPort,
  EngineTarget,
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
import { Availability } from './availability.ts';
import { anyWants, bySlots, targetsOf, textOf } from './desired-ports.ts';
import { explainProxy } from './explain.ts';
import { Placement } from './placement.ts';
import type { Proxy } from './proxy.ts';
import { claimNamed } from './read-back.ts';
import { requestCount } from './request-count.ts';
import { wantsProxy } from './section-kind.ts';

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
  readonly #availability: Availability;
  readonly #placement: Placement;
  #node: NodeSettings | undefined;

  constructor(o: { below: DataPlane; table: Pick<NftablesDataPlane, 'namedTargets'>; proxy: Proxy; log: Logger }) {
    this.#below = o.below;
    this.#table = o.table;
    this.#proxy = o.proxy;
    this.#availability = new Availability(o);
    this.#placement = new Placement({ proxy: o.proxy, availability: this.#availability });
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
    return new Map([...this.#below.fallbacks, ...this.#placement.fallbacks]);
  }

  async start(ports: Ports, node: NodeSettings): Promise<Started> {
    this.#node = node;
    this.#placement.fallbacks.clear();
    const wanted = anyWants(ports, node);
    if (wanted && (await this.#availability.probe())) {
      await this.#proxy.adopt();
      claimNamed(this.#proxy, ports, await this.#table.namedTargets());
      this.#availability.begin();
    } else this.#availability.end();
    const started = await this.#below.start(await this.#placement.place(ports, node), this.#settings(node));
    if (this.#up) await this.#retireAllBut(this.served);
    else if (!wanted) await this.#proxy.remove('connections');
    return started;
  }

  async apply(changes: Changes, retried?: ReadonlySet<string>): Promise<Applied> {
    const node = this.#started;
    let written: Written | undefined;
    if (!this.#up && anyWants(changes, node) && (await this.#availability.isThere())) {
      await this.#proxy.adopt();
      this.#availability.begin();
      written = await this.#below.setNode(this.#settings(node));
    }
    const before = new Map([...changes.keys()].map((id) => [id, targetsOf(this.served.get(id))]));
    const applied = await this.#below.apply(await this.#placement.place(changes, node), retried);
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
    if (this.#up && integrity === 'intact') await this.#availability.look();
    return integrity;
  }

  whenLost(listener: () => void): void {
    this.#availability.whenLost(listener);
  }

  async recoverable(): Promise<ReadonlySet<string>> {
    // What an apply of the same would hand to slots: HAProxy has ended, or is silent.
    const lost = this.#up ? [] : [...this.served].filter(([, { proxied }]) => proxied).map(([id]) => id);
    const again =
      this.#placement.fallbacks.size > 0 && (await this.#availability.isBack()) ? this.#placement.fallbacks.keys() : [];
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
    if (!this.#up) await this.#proxy.learn();
    claimNamed(this.#proxy, ports, await this.#table.namedTargets());
    return this.#below.preview(this.#placement.assign(ports, node), {
      ...node,
      listenerRanges: Object.values(listenerRanges),
    });
  }

  async remove(spared?: 'connections'): Promise<string | undefined> {
    const removed = [await this.#below.remove(), await this.#proxy.remove(spared)];
    this.#availability.end();
    this.#placement.fallbacks.clear();
    return removed.filter((what) => what !== undefined).join(' and ') || undefined;
  }

  /** HAProxy is in the agent's Pod. Sections stay as they are, with the connections that they have. */
  async standDown(): Promise<void> {
    const proxied = [...this.served].filter(([, desired]) => desired.proxied);
    if (proxied.length > 0) await this.#below.apply(new Map(proxied.map(([id, desired]) => [id, bySlots(desired)])));
  }

  close(): void {
    this.#availability.close();
    this.#proxy.close();
    this.#below.close();
  }

  get #started(): NodeSettings {
    if (!this.#node) throw new Error('the data plane has not been started');
    return this.#node;
  }

  get #up(): boolean {
    return this.#availability.up;
  }

  #settings(node: NodeSettings): NodeSettings {
    return this.#up ? { ...node, listenerRanges: Object.values(listenerRanges) } : node;
  }

  async #retire(before: ReadonlyMap<string, EngineTarget[]>, gone: readonly string[]): Promise<void> {
    const left = [...before].flatMap(([id, targets]) => {
      const kept = targetsOf(this.served.get(id)).map(textOf);
      return targets.filter((target) => !kept.includes(textOf(target)));
    });
    if (left.length + gone.length > 0) await this.#close(left, gone);
  }

  async #retireAllBut(served: Ports): Promise<void> {
    const named = new Set([...served.values()].flatMap(targetsOf).map(textOf));
    await this.#close(this.#proxy.held().filter((target) => !named.has(textOf(target))));
  }

  async #close(targets: readonly EngineTarget[], gone: readonly string[] = []): Promise<void> {
    try {
      await this.#proxy.retire(targets, gone);
    } catch (error) {
      // It has been lost meanwhile: nothing leads there, and it is closed with the next ones when HAProxy is back.
      if (!(error instanceof HaproxyError) || this.#up) throw error;
    }
  }
}
