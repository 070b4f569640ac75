import type { Logger } from '../../runtime/index.ts';
import { changeOver } from '../change-over.ts';
import { addWritten } from '../data-plane.ts';
import type {
  Applied,
  Changes,
  ConnectionCount,
  DataPlane,
  DesiredPort,
  EngineTargetState,
  Explanation,
  Fallback,
  FastPathState,
  Integrity,
  NodeSettings,
  Packet,
  Preview,
  ServedCounts,
  Started,
  Written,
} from '../data-plane.ts';
import { contains } from '../../ip/index.ts';
import type { NamedTarget, NftablesDataPlane } from '../nftables/index.ts';
import { Availability } from './availability.ts';
import { nameText } from './engine.ts';
import type { Engine } from './engine.ts';
import { engineTargets } from './engine-targets.ts';
import { explainEngine } from './explain.ts';
import { bySlots, Placement, schedulerFor } from './placement.ts';

/** When it is tried again to take away what could not be. */
const tidyMilliseconds = 30_000;

/**
 * Modes nftables and ipvs: the policy is one table, and an engine may choose the endpoint of a Service port, by the node's
 * mode or by the Service's own word. A sync is prepare, table, retire. What the engine cannot do is done by slots.
 *
 * ```
 *   start, apply, setNode ──> engine.prepare ──> table, with targets ──> engine.retire what nothing leads to any more
 * ```
 *
 * Whatever fails in between, what the table leads to is there: nothing goes before the table has let go of it.
 */
export class EngineDataPlane implements DataPlane {
  readonly #table: NftablesDataPlane;
  readonly #engine: Engine;
  readonly #log: Logger;
  readonly #placement: Placement;
  #node: NodeSettings | undefined;
  readonly #availability: Availability;
  /** The engine serves. */
  #up = false;
  /** Since when there is something that could not be taken away. */
  #untidySince: number | undefined;

  constructor(o: { table: NftablesDataPlane; engine: Engine; log: Logger }) {
    this.#table = o.table;
    this.#engine = o.engine;
    this.#log = o.log;
    this.#placement = new Placement(o.engine);
    this.#availability = new Availability(o.engine, o.log);
  }

  get mode(): string {
    return this.#node?.engine ?? 'nftables';
  }

  get served(): ReadonlyMap<string, DesiredPort> {
    return this.#table.served;
  }

  get fastPath(): FastPathState | undefined {
    return this.#table.fastPath;
  }

  get sizes(): ReadonlyMap<string, number> {
    return this.#table.sizes;
  }

  servedBy(): ServedCounts {
    const counts = { nftables: 0, ipvs: 0, userspace: 0 };
    for (const { via, proxied } of this.served.values()) counts[proxied ? 'userspace' : via ? 'ipvs' : 'nftables']++;
    return counts;
  }

  get fallbacks(): ReadonlyMap<string, Fallback> {
    return this.#placement.fallbacks;
  }

  async start(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Started> {
    this.#node = node;
    this.#placement.fallbacks.clear();
    this.#untidySince = undefined;
    this.#up = anyWants(ports, node) && (await this.#availability.setUp());
    if (this.#up) {
      await this.#engine.adopt();
      this.#placement.readBack(ports, await this.#named());
    }
    const placed = await this.#place(ports, node);
    const started = await this.#table.start(placed, this.#settings(node));
    // Without the engine: what an earlier run has left, while Services wanted it.
    await this.#tidy(() => (this.#up ? this.#retireAllBut(this.served) : this.#engine.remove()));
    this.#placement.keepOnly(this.served);
    return started;
  }

  async apply(changes: Changes, retried?: ReadonlySet<string>): Promise<Applied> {
    const node = this.#started;
    const wantsMore = !this.#up && anyWants(changes, node);
    const written = wantsMore && (await this.#availability.isThere()) ? await this.#bringUp(node) : undefined;
    const before = new Map([...changes.keys()].map((id) => [id, this.served.get(id)?.port]));
    const applied = await this.#table.apply(await this.#place(changes, node), retried);
    if (this.#up) await this.#tidy(() => this.#placement.retire(before, changes, this.served));
    return written ? { ...applied, written: addWritten(written, applied.written) } : applied;
  }

  async setNode(node: NodeSettings): Promise<Written> {
    const before = this.#started;
    if (node.engine !== before.engine || node.scheduler !== before.scheduler) await this.#availability.demand(node);
    const written = await this.#table.setNode(this.#settings(node));
    this.#node = node;
    const concerned = [...this.served].filter(
      ([, { port }]) => schedulerFor(port, before) !== schedulerFor(port, node),
    );
    return changeOver(this, new Map(concerned), { before, written, bySlots });
  }

  async verify(): Promise<Integrity> {
    const integrity = await this.#table.verify();
    if (integrity === 'changed') return integrity;
    if (this.#untidySince !== undefined && performance.now() - this.#untidySince >= tidyMilliseconds) return 'changed';
    return this.#up ? this.#verifyEngine() : 'intact';
  }

  async recoverable(): Promise<ReadonlySet<string>> {
    const recoverable = new Set<string>();
    if (this.fallbacks.size === 0 || !(await this.#availability.setUp())) return recoverable;
    for (const id of this.fallbacks.keys()) {
      const port = this.served.get(id)?.port;
      const scheduler = port && schedulerFor(port, this.#started);
      if (scheduler !== undefined && (await this.#engine.lacks(scheduler)) === undefined) recoverable.add(id);
    }
    return recoverable;
  }

  counters(): Promise<ConnectionCount[]> {
    return this.#table.counters();
  }

  async explain(packet: Packet): Promise<Explanation> {
    return explainEngine(this.#engine, packet, await this.#table.explain(packet));
  }

  async engineTargets(): Promise<EngineTargetState[]> {
    return engineTargets(this.#engine, await this.#named());
  }

  async preview(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Preview> {
    if (!anyWants(ports, node) || (await this.#engine.probe()) !== undefined) return this.#table.preview(ports, node);
    const placement = new Placement(this.#engine);
    placement.readBack(ports, await this.#named());
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

  #settings(node: NodeSettings): NodeSettings {
    return this.#up ? { ...node, engineRanges: this.#ranges } : node;
  }

  /** Where the table in force leads to this engine. */
  async #named(): Promise<NamedTarget[]> {
    const named = await this.#table.namedTargets();
    return named.filter(({ target }) => contains(this.#ranges, target.address));
  }

  async #bringUp(node: NodeSettings): Promise<Written> {
    await this.#engine.adopt();
    this.#up = true;
    return this.#table.setNode(this.#settings(node));
  }

  async #place<Wanted extends DesiredPort | undefined>(
    changes: ReadonlyMap<string, Wanted>,
    node: NodeSettings,
  ): Promise<Map<string, Wanted | DesiredPort>> {
    if (this.#up) return this.#placement.prepare(changes, node);
    return this.#placement.withoutEngine(changes, node, this.#availability.missing ?? 'it has not been looked for yet');
  }

  async #verifyEngine(): Promise<Integrity> {
    const { name } = this.#engine;
    try {
      const { repaired, failed } = await this.#engine.compare();
      if (repaired > 0) {
        this.#log.warn(`another program changed ${name}: repaired`, { targets: repaired });
        if (this.#availability.repaired()) return 'changed';
      }
      if (failed === undefined) return 'intact';
      this.#log.warn(`another program changed ${name}, and it cannot be repaired: everything is compared`, { failed });
    } catch (error) {
      this.#log.warn(`${name} does not answer any more: everything is compared`, { error });
    }
    return 'changed';
  }

  /** What nothing leads to any more harms nobody: that it cannot be taken away must not look as if the table had failed. */
  async #tidy(task: () => Promise<unknown>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#untidySince ??= performance.now();
      this.#log.error(`cannot take away what nothing leads to any more of ${this.#engine.name}; it is tried again`, {
        error,
      });
    }
  }

  async #retireAllBut(served: ReadonlyMap<string, DesiredPort>): Promise<void> {
    const named = new Set(
      [...served.values()].flatMap(({ port: { family, protocol }, via = {}, proxied }) =>
        Object.values(proxied ? {} : via).map((target) => nameText({ family, protocol, target })),
      ),
    );
    await this.#engine.retire(this.#engine.held().filter((name) => !named.has(nameText(name))));
  }
}

function anyWants(changes: Changes, node: NodeSettings): boolean {
  return [...changes.values()].some((desired) => desired && schedulerFor(desired.port, node) !== undefined);
}
