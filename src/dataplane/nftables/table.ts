import { CommitError } from '../../nftables/index.ts';
import type { Element, NftablesSocket } from '../../nftables/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { addWritten, nothingWritten } from '../data-plane.ts';
import type { Applied, Changes, DesiredPort, NodeSettings, Refusal, Written } from '../data-plane.ts';
import { commitForgetting } from './affinity.ts';
import { constantChains } from './base-chains.ts';
import { inGroups, writeElements } from './batches.ts';
import { bringUp } from './bring-up.ts';
import { claimTable } from './claim.ts';
import { culpritsOf } from './culprits.ts';
import { renderSelectionChain } from './endpoint-selection-chains.ts';
import { Layout } from './layout.ts';
import { nodeElements } from './node-elements.ts';
import { differenceTo, TableState } from './plan.ts';
import type { Plan } from './plan.ts';
import { TableSocket } from './table-socket.ts';
import { missingAffinity, targetOf } from './target.ts';

/** What a start did. */
export interface TableStarted extends Applied {
  /** Elements of an earlier run that were removed. */
  readonly removed: readonly Element[];
}

/**
 * The table `inet nftproxy` of one network namespace: brings it to the wanted state and keeps it there.
 *
 * Calls must not overlap. A Service port that the kernel refuses is named in what is returned, and all others are
 * written; whatever is not a Service port's fault is thrown, and another `start()` is the way back from there.
 */
export class Table {
  readonly #tables: TableSocket;
  readonly #log: Logger;
  readonly #layout = new Layout();
  readonly #sizes = new Map<string, number>();
  #state = new TableState();
  #node: NodeSettings | undefined;

  constructor(socket: NftablesSocket, log: Logger, name: string) {
    this.#tables = new TableSocket(socket, name);
    this.#log = log;
  }

  /** The Service ports the kernel holds. */
  get state(): TableState {
    return this.#state;
  }

  /** Elements by set, as far as this agent has written or adopted them. */
  get sizes(): ReadonlyMap<string, number> {
    return this.#sizes;
  }

  /** Whether the kernel keeps other programs from changing the table. */
  get owned(): boolean {
    return this.#tables.owned;
  }

  /** True if somebody else has committed in this namespace since our last commit or the last time this was asked. */
  foreignCommits(): Promise<boolean> {
    return this.#tables.foreignCommits();
  }

  /** Brings the table to exactly `ports` and `node`; see `bringUp`. */
  async start(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<TableStarted> {
    this.#node = node;
    const accepted = new Map(ports);
    const refused: Refusal[] = [];
    for (;;) {
      const target = targetOf(accepted, node);
      try {
        const { written, removed } = await bringUp(
          { tables: this.#tables, layout: this.#layout, log: this.#log },
          target,
        );
        target.plan.accept();
        this.#state = target.state;
        this.#sizes.clear();
        this.#count(target.elements, 1);
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
  async apply(changes: Changes, retried: ReadonlySet<string>): Promise<Applied> {
    let written = nothingWritten;
    const refused: Refusal[] = [];
    for (const group of inGroups(changes)) {
      const applied = await this.#applyGroup(group, retried);
      written = addWritten(written, applied.written);
      refused.push(...applied.refused);
    }
    return { written, refused };
  }

  /** Follows a change of the node's settings in one transaction: only rules and interval elements that differ. */
  async setNode(node: NodeSettings): Promise<Written> {
    if (!this.#node) throw new Error('the table has not been started');
    const tx = this.#tables.transaction();
    const plan = this.#layout.plan({ chains: constantChains(node) });
    const { deletes, adds } = differenceTo(nodeElements(node), nodeElements(this.#node));
    plan.add(tx);
    writeElements(tx, { deletes, adds });
    const written = await this.#tables.commit(tx);
    plan.accept();
    this.#count(deletes, -1);
    this.#count(adds, 1);
    this.#node = node;
    return written;
  }

  /** Deletes the table, if there is one of ours. @throws ForeignStateError */
  async remove(): Promise<boolean> {
    await this.#tables.features();
    if (!(await claimTable(this.#tables.socket, this.#tables.table))) return false;
    const tx = this.owned ? this.#tables.claim() : this.#tables.transaction();
    await this.#tables.commit(tx.deleteTable());
    this.#layout.forget();
    this.#state = new TableState();
    this.#sizes.clear();
    return true;
  }

  async #applyGroup(changes: Changes, retried: ReadonlySet<string>): Promise<Applied> {
    const group = new Map(changes);
    const refused: Refusal[] = [];
    while (group.size > 0) {
      const plan = this.#state.plan(group);
      const progress = { accepted: false };
      try {
        const written = await commitForgetting(this.#tables, plan.deletes, async (forgotten) => {
          const committed = await this.#commit(plan, group, forgotten);
          plan.accept();
          progress.accepted = true;
          this.#count(plan.deletes, -1);
          this.#count(plan.adds, 1);
          return committed;
        });
        return { written, refused };
      } catch (error) {
        // The kernel has taken the plan: what fails after that is no Service port's fault.
        if (progress.accepted) throw error;
        for (const id of culpritsOf(error, { plan, changes: group, during: 'change', retried })) {
          refused.push({ id, reason: reasonOf(error) });
          group.delete(id);
        }
      }
    }
    return { written: nothingWritten, refused };
  }

  async #commit(plan: Plan, changes: Changes, forgotten: readonly Element[]): Promise<Written> {
    const before = await this.#addNewChains(plan);
    const desired = [...changes.values()].filter((port) => port !== undefined);
    const affinity = missingAffinity(desired, new Set(this.#layout.setNames));
    const layout = this.#layout.plan({
      sets: affinity.sets,
      chains: [...affinity.chains, ...plan.chains.map(renderSelectionChain)],
      unneededChains: plan.retiredChains.map((chain) => chain.name),
    });
    const tx = this.#tables.transaction();
    layout.add(tx);
    writeElements(tx, { deletes: [...plan.deletes, ...forgotten], adds: plan.adds });
    layout.remove(tx);
    const written = await this.#tables.commit(tx);
    layout.accept();
    return addWritten(before, written);
  }

  /**
   * Chains that are new get a transaction of their own, before anything names them. A packet that entered the old
   * generation may already read the new one's elements, but finds a chain of the new one still empty: it would leave
   * untranslated, and its connection would stay so (docs/decisions/0007-chains-before-verdicts.md).
   */
  async #addNewChains(plan: Plan): Promise<Written> {
    const missing = plan.chains.filter(({ name }) => !this.#layout.hasChain(name));
    const layout = this.#layout.plan({ chains: missing.map(renderSelectionChain) });
    const tx = this.#tables.transaction();
    layout.add(tx);
    const written = await this.#tables.commit(tx);
    layout.accept();
    return written;
  }

  #count(elements: readonly Element[], by: 1 | -1): void {
    for (const { set } of elements) this.#sizes.set(set, (this.#sizes.get(set) ?? 0) + by);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof CommitError ? error.message : String(error);
}
