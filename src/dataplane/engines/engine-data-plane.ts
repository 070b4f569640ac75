import type { Logger } from '../../runtime/index.ts';
import { addWritten } from '../data-plane.ts';
import type {
  Applied,
  Changes,
  ConnectionCount,
  DataPlane,
  DesiredPort,
  Explanation,
  Integrity,
  NodeSettings,
  Packet,
  Preview,
  Started,
  Written,
} from '../data-plane.ts';
import type { NftablesDataPlane } from '../nftables/index.ts';
import { nameText } from './engine.ts';
import type { Engine } from './engine.ts';
import { explainEngine } from './explain.ts';
import { Placement, wantsEngine } from './placement.ts';

/** How often an engine that is missing is looked for again, while Service ports wait for it. */
const probeMilliseconds = 30_000;

/**
 * Modes nftables and ipvs: the policy is one table, and an engine may choose the endpoint of a Service port, by the node's
 * mode or by the Service's own word. A sync is prepare, table, retire. What the engine cannot do is done by slots.
 *
 * ```
 *   start, apply, setNode ──> engine.prepare ──> table, with targets ──> engine.retire what nothing leads to any more
 * ```
 */
export class EngineDataPlane implements DataPlane {
  readonly #table: NftablesDataPlane;
  readonly #engine: Engine;
  readonly #log: Logger;
  readonly #placement: Placement;
  #node: NodeSettings | undefined;
  #up = false;
  #missing: string | undefined;
  #probedAt = -Infinity;

  constructor(o: { table: NftablesDataPlane; engine: Engine; log: Logger }) {
    this.#table = o.table;
    this.#engine = o.engine;
    this.#log = o.log;
    this.#placement = new Placement(o.engine);
  }

  get mode(): string {
    return this.#node?.engine ?? 'nftables';
  }

  get served(): ReadonlyMap<string, DesiredPort> {
    return this.#table.served;
  }

  get sizes(): ReadonlyMap<string, number> {
    return this.#table.sizes;
  }

  get fallbacks(): ReadonlyMap<string, string> {
    return this.#placement.fallbacks;
  }

  async start(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Started> {
    this.#node = node;
    this.#placement.fallbacks.clear();
    this.#up = anyWants(ports, node) && (await this.#probe());
    if (this.#up) await this.#adopt(ports);
    const placed = await this.#place(ports, node);
    const started = await this.#table.start(placed, this.#settings(node));
    if (this.#up) await this.#retireAllBut(this.served);
    // What an earlier run has left, while Services wanted it.
    else await this.#engine.remove();
    return started;
  }

  async apply(changes: Changes, retried?: ReadonlySet<string>): Promise<Applied> {
    const node = this.#started;
    let written: Written | undefined;
    if (!this.#up && anyWants(changes, node) && this.#mayProbe && (await this.#probe())) {
      await this.#engine.adopt();
      this.#up = true;
      written = await this.#table.setNode(this.#settings(node));
    }
    const before = new Map([...changes.keys()].map((id) => [id, this.served.get(id)?.port]));
    const applied = await this.#table.apply(await this.#place(changes, node), retried);
    if (this.#up) await this.#placement.retire(before, changes, this.served);
    return written ? { ...applied, written: addWritten(written, applied.written) } : applied;
  }

  async setNode(node: NodeSettings): Promise<Written> {
    const before = this.#node;
    const written = await this.#table.setNode(this.#settings(node));
    this.#node = node;
    if (before?.engine === node.engine) return written;
    const concerned = [...this.served].filter(([, { port }]) => port.scheduler !== undefined);
    const applied = await this.apply(new Map(concerned));
    const [first] = applied.refused;
    if (first) throw new Error(`the kernel no longer takes Service port ${first.id}: ${first.reason}`);
    return addWritten(written, applied.written);
  }

  async verify(): Promise<Integrity> {
    const integrity = await this.#table.verify();
    if (integrity === 'changed') return integrity;
    if (this.#up) {
      const repaired = await this.#engine.compare();
      if (repaired > 0) this.#log.warn(`another program changed ${this.#engine.name}: repaired`, { targets: repaired });
      return 'intact';
    }
    if (this.#missing === undefined || this.fallbacks.size === 0 || !this.#mayProbe) return 'intact';
    return (await this.#probe()) ? 'changed' : 'intact';
  }

  counters(): Promise<ConnectionCount[]> {
    return this.#table.counters();
  }

  async explain(packet: Packet): Promise<Explanation> {
    return explainEngine(this.#engine, packet, await this.#table.explain(packet));
  }

  async preview(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Preview> {
    if (!anyWants(ports, node) || (await this.#engine.probe()) !== undefined) return this.#table.preview(ports, node);
    const placement = new Placement(this.#engine);
    placement.readBack(ports, await this.#table.namedTargets());
    return this.#table.preview(placement.assign(ports, node), { ...node, engineRanges: this.#ranges });
  }

  async remove(): Promise<string | undefined> {
    const removed = [await this.#table.remove(), await this.#engine.remove()];
    this.#up = false;
    this.#placement.clear();
    return removed.filter((what) => what !== undefined).join(' and ') || undefined;
  }

  close(): void {
    this.#table.close();
    this.#engine.close();
  }

  get #started(): NodeSettings {
    if (!this.#node) throw new Error('the data plane has not been started');
    return this.#node;
  }

  get #ranges(): readonly string[] {
    return Object.values(this.#engine.ranges);
  }

  get #mayProbe(): boolean {
    return performance.now() - this.#probedAt >= probeMilliseconds;
  }

  #settings(node: NodeSettings): NodeSettings {
    return this.#up ? { ...node, engineRanges: this.#ranges } : node;
  }

  /** Whether the engine can serve; what is missing is told once. */
  async #probe(): Promise<boolean> {
    const missing = await this.#engine.probe();
    this.#probedAt = performance.now();
    if (missing !== undefined && missing !== this.#missing) {
      this.#log.warn(`${this.#engine.name} cannot serve; Services are served by slots`, { reason: missing });
    }
    this.#missing = missing;
    return missing === undefined;
  }

  async #adopt(ports: ReadonlyMap<string, DesiredPort>): Promise<void> {
    await this.#engine.adopt();
    this.#placement.readBack(ports, await this.#table.namedTargets());
  }

  async #place<Wanted extends DesiredPort | undefined>(
    changes: ReadonlyMap<string, Wanted>,
    node: NodeSettings,
  ): Promise<Map<string, Wanted | DesiredPort>> {
    if (this.#up) return this.#placement.prepare(changes, node);
    return this.#placement.withoutEngine(changes, node, this.#missing ?? 'it has not been looked for yet');
  }

  async #retireAllBut(served: ReadonlyMap<string, DesiredPort>): Promise<void> {
    const named = new Set(
      [...served.values()].flatMap(({ port: { family, protocol }, via = {} }) =>
        Object.values(via).map((target) => nameText({ family, protocol, target })),
      ),
    );
    await this.#engine.retire(this.#engine.held().filter((name) => !named.has(nameText(name))));
    this.#placement.keepOnly(served);
  }
}

function anyWants(changes: Changes, node: NodeSettings): boolean {
  return [...changes.values()].some((desired) => desired && wantsEngine(desired.port, node));
}
