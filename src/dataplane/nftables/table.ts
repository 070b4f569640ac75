import { CommitError } from '../../nftables/index.ts';
import type { Element, NftablesSocket } from '../../nftables/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { addWritten, nothingWritten } from '../data-plane.ts';
import type {
  Applied,
  Changes,
  DesiredPort,
  FastPathState,
  Integrity,
  NodeSettings,
  Refusal,
  Written,
} from '../data-plane.ts';
import { roomOf } from './affinity-room.ts';
import { commitForgetting, waysToForget } from './affinity.ts';
import type { WaysToForget } from './affinity.ts';
import { Audit } from './audit.ts';
import { writeElements } from './batches.ts';
import { Budget } from './budget.ts';
import type { ElementLimits } from './budget.ts';
import { bringUp } from './bring-up.ts';
import type { BroughtUp } from './bring-up.ts';
import { claimTable } from './claim.ts';
import { constantChains } from './constant-chains.ts';
import { culpritsOf } from './culprits.ts';
import { differenceTo } from './difference.ts';
import type { FastPathHost } from './fast-path-host.ts';
import { FastPath } from './fast-path.ts';
import { inGroups } from './groups.ts';
import type { InForce } from './in-force.ts';
import { crowdedRooms } from './stray-clients.ts';
import { nodeElements } from './node-elements.ts';
import { TableState } from './plan.ts';
import type { Plan } from './plan.ts';
import { TableSocket } from './table-socket.ts';
import { targetOf } from './target.ts';

/** What a start did. */
export interface TableStarted extends Applied {
  /** Elements of earlier runs that were removed: frontends that have gone. */
  readonly removed: readonly Element[];
}

export interface TableOptions {
  readonly socket: NftablesSocket;
  readonly log: Logger;
  readonly name: string;
  /** Resolves when no packet is on its way any more through chains that were in force before the call. */
  readonly drained: () => Promise<void>;
  readonly limits: ElementLimits;
  readonly fastPath: FastPathHost;
}

/**
 * The table `inet nftproxy` of one network namespace: brings it to the wanted state and keeps it there.
 *
 * Calls must not overlap. A Service port that the kernel refuses is named in what is returned, and all others are
 * written; whatever is not a Service port's fault is thrown, and another `start()` is the way back from there.
 */
export class Table {
  readonly #tables: TableSocket;
  readonly #o: TableOptions;
  readonly #audit: Audit;
  readonly #fastPath: FastPath;
  #state = new TableState();
  #budget: Budget;
  #inForce: InForce | undefined;
  #node: NodeSettings | undefined;
  /** Calls that are writing. */
  #writing = 0;

  constructor(options: TableOptions) {
    this.#o = options;
    this.#tables = new TableSocket(options.socket, options.name);
    this.#fastPath = new FastPath({ tables: this.#tables, host: options.fastPath, log: options.log });
    this.#audit = new Audit(
      this.#tables,
      () => this.#writing > 0,
      () => this.#fastPath.devices,
    );
    this.#budget = new Budget(options.limits);
  }

  /** The Service ports the kernel holds. */
  get state(): TableState {
    return this.#state;
  }

  /** Elements by set, as far as this agent has written them. */
  get sizes(): ReadonlyMap<string, number> {
    return this.#inForce?.sizes.counts ?? new Map();
  }

  /** See `DataPlane`. */
  get fastPath(): FastPathState | undefined {
    return this.#fastPath.state;
  }

  /** How a set is called in the kernel now. */
  kernelNameOf(set: string): string {
    return this.#inForce?.generation.set(set) ?? set;
  }

  /** These settings, as far as this kernel can do them, for a preview: nothing changes. Rejects with NetlinkError. */
  previewed(node: NodeSettings): Promise<NodeSettings> {
    return this.#fastPath.previewed(node);
  }

  /** Whether the kernel surely holds what was written; see `Audit`. While something is written, the next call tells. */
  async verify(): Promise<Integrity> {
    if (!this.#inForce || !this.#node) return 'intact';
    if (this.#writing === 0 && (await this.#fastPath.isOutdated())) return 'changed';
    const { generation, sizes } = this.#inForce;
    return this.#audit.verify({ generation, sizes, ports: this.#state.ports, node: this.#node });
  }

  /** Brings the table to exactly `ports` and `node`; see `bringUp`. */
  start(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<TableStarted> {
    return this.#write(() => this.#start(ports, node));
  }

  async #start(ports: ReadonlyMap<string, DesiredPort>, wanted: NodeSettings): Promise<TableStarted> {
    const node = await this.#fastPath.possible(wanted);
    const accepted = new Map(ports);
    const budget = new Budget(this.#o.limits);
    const admission = budget.admit(accepted);
    const refused = [...admission.refused];
    for (const { id } of refused) accepted.delete(id);
    const crowded = await crowdedRooms(this.#tables);
    for (;;) {
      const target = targetOf(accepted, node, crowded);
      try {
        const { written, removed, ...inForce } = await this.#bringUp(target);
        target.plan.accept();
        admission.accept(accepted.keys());
        this.#budget = budget;
        this.#state = target.state;
        this.#inForce = inForce;
        this.#node = node;
        await this.#fastPath.settle(wanted, node);
        return { written, refused, removed };
      } catch (error) {
        for (const id of culpritsOf(error, { plan: target.plan, changes: accepted, during: 'start' })) {
          refused.push({ id, reason: reasonOf(error) });
          accepted.delete(id);
        }
      }
    }
  }

  /** Writes the new state of some Service ports. */
  apply(changes: Changes, retried: ReadonlySet<string>): Promise<Applied> {
    return this.#write(() => this.#apply(changes, retried));
  }

  async #apply(changes: Changes, retried: ReadonlySet<string>): Promise<Applied> {
    let written = nothingWritten;
    const refused: Refusal[] = [];
    for (const group of inGroups(changes, this.#state.ports)) {
      const applied = await this.#applyGroup(group, retried);
      written = addWritten(written, applied.written);
      refused.push(...applied.refused);
    }
    return { written, refused };
  }

  /**
   * Follows a change of the node's settings: ranges in one transaction, rules by a new generation of everything, as a
   * packet might otherwise meet rules of one and ranges of the other.
   */
  setNode(node: NodeSettings): Promise<Written> {
    return this.#write(() => this.#setNode(node));
  }

  async #setNode(wanted: NodeSettings): Promise<Written> {
    const { generation, sizes } = this.#required;
    const node = await this.#fastPath.possible(wanted);
    const before = this.#node ?? node;
    const sameRules = constantChains(node).every((chain) => generation.layout.has(chain));
    if (!sameRules || node.fastPath !== before.fastPath) {
      const { written, refused } = await this.#start(this.#state.ports, wanted);
      const [first] = refused;
      if (first) throw new Error(`the kernel no longer takes Service port ${first.id}: ${first.reason}`);
      return written;
    }
    const { deletes, adds } = differenceTo(nodeElements(node), nodeElements(before));
    const tx = generation.transaction();
    writeElements(tx, { deletes, adds });
    const written = await generation.commit(tx);
    sizes.addEach(deletes, -1);
    sizes.addEach(adds, 1);
    this.#node = node;
    await this.#fastPath.settle(wanted, node);
    return written;
  }

  /** Deletes the table, if there is one of ours. @throws ForeignStateError */
  async remove(): Promise<boolean> {
    await this.#tables.features();
    const standing = await claimTable(this.#tables.socket, this.#tables.table);
    if (standing === 'absent') return false;
    this.#tables.settleOwnership(standing);
    const tx = this.#tables.owned ? this.#tables.claim() : this.#tables.transaction();
    await this.#tables.commit(tx.deleteTable());
    this.#state = new TableState();
    this.#budget = new Budget(this.#o.limits);
    this.#inForce = undefined;
    this.#fastPath.end();
    return true;
  }

  /** Stops hearing of what others do. */
  close(): void {
    this.#fastPath.end();
    this.#tables.close();
  }

  async #write<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#writing++;
    try {
      return await task();
    } finally {
      this.#writing--;
    }
  }

  get #required(): InForce {
    if (!this.#inForce) throw new Error('the table has not been started');
    return this.#inForce;
  }

  #bringUp(target: Parameters<typeof bringUp>[1]): Promise<BroughtUp> {
    const { log, drained } = this.#o;
    return bringUp({ tables: this.#tables, log, drained }, target);
  }

  async #applyGroup(changes: Changes, retried: ReadonlySet<string>): Promise<Applied> {
    const group = new Map(changes);
    const admission = this.#budget.admit(group);
    const refused = [...admission.refused];
    for (const { id } of refused) group.delete(id);
    let written = nothingWritten;
    while (group.size > 0) {
      let plan = this.#state.plan(group);
      const ways = await waysToForget(this.#required.generation, plan);
      if (this.#state.crowd(ways.putDown.map(({ map }) => roomOf(map)))) plan = this.#state.plan(group);
      const progress = { accepted: false };
      try {
        written = addWritten(written, await this.#commit(plan, ways, progress));
        admission.accept(group.keys());
        return { written, refused };
      } catch (error) {
        // The kernel has taken the plan: what fails after that is no Service port's fault.
        if (progress.accepted) throw error;
        for (const id of culpritsOf(error, { plan, changes: group, during: 'change', retried })) {
          refused.push({ id, reason: reasonOf(error) });
          group.delete(id);
        }
        // Rooms that were made for those only.
        await this.#required.rooms.clear(this.#unneeded(plan.rooms.map(({ name }) => name)));
      }
    }
    return { written, refused };
  }

  /**
   * Rooms get transactions of their own, before anything leads there and after nothing does. A packet that entered the
   * old generation of the ruleset may already read the new one's elements, but finds a chain of the new one still empty:
   * it would leave untranslated, and its connection would stay so (docs/decisions/0007-chains-before-verdicts.md).
   */
  async #commit(plan: Plan, ways: WaysToForget, progress: { accepted: boolean }): Promise<Written> {
    const { generation, rooms, sizes } = this.#required;
    const built = await rooms.build(rooms.missing(plan.rooms));
    const written = await commitForgetting(generation, ways, async (forget) => {
      const tx = generation.transaction();
      forget(tx);
      writeElements(tx, plan);
      const committed = await generation.commit(tx);
      plan.accept();
      progress.accepted = true;
      sizes.addEach(plan.deletes, -1);
      sizes.addEach(plan.adds, 1);
      return committed;
    });
    const cleared = await rooms.clear(this.#unneeded(plan.unneededRooms), plan.rooms);
    return [built, written, cleared].reduce(addWritten);
  }

  #unneeded(rooms: readonly string[]): string[] {
    return rooms.filter((name) => !this.#state.needs(name));
  }
}

function reasonOf(error: unknown): string {
  return error instanceof CommitError ? error.message : String(error);
}
