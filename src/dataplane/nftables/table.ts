import { NetlinkError, Transaction } from '../../nftables/index.ts';
import type { Element, NftablesSocket, SetDefinition } from '../../nftables/index.ts';
import { adopt, TableState } from './plan.ts';
import type { DesiredPort, Plan } from './plan.ts';
import { constantSets, definitionOf } from './sets.ts';
import type { NodeSettings } from './node-elements.ts';
import { nodeElements } from './node-elements.ts';
import { constantChains } from './base-chains.ts';
import type { RenderedChain } from './base-chains.ts';
import { renderPickChain } from './endpoint-selection-chains.ts';
import { wantedAffineSets, wantedChains } from './ruleset.ts';
import { clientsToForget } from './affinity.ts';
import { addBatch, inBatches, inGroups } from './batches.ts';
import type { Logger } from '../../runtime/index.ts';
import { claimTable, tableComment } from './claim.ts';
import { TableStructure } from './layout.ts';

/** A Service port that the kernel refused. */
export interface Quarantined {
  readonly id: string;
  readonly reason: string;
  readonly desired: DesiredPort | undefined;
}

/** What one call has written. */
export interface Applied {
  readonly transactions: number;
  readonly elements: number;
  /** Time the commits took, milliseconds. */
  readonly milliseconds: number;
}

type Total = { -readonly [K in keyof Applied]: Applied[K] };
type Changes = ReadonlyMap<string, DesiredPort | undefined>;

/** The whole table as it is to be. */
interface Target {
  /** Holds the Service ports once the plan is accepted. */
  readonly state: TableState;
  readonly plan: Plan;
  readonly elements: readonly Element[];
  readonly sets: readonly SetDefinition[];
  readonly chains: readonly RenderedChain[];
}

/**
 * The table `inet nftproxy` of this network namespace: claims it, brings it to the wanted state and keeps it there.
 *
 * Calls must not overlap (the agent's pacer sees to that). A Service port that the kernel refuses is set aside in
 * `quarantined` while all others are written; whatever is not a Service port's fault is thrown, and another
 * `start()` is the way back from there.
 */
export class KernelTable {
  readonly quarantined = new Map<string, Quarantined>();
  /** Elements by set, as far as this agent has written or adopted them. */
  readonly elementCounts = new Map<string, number>();
  /** Frontends that an earlier run left in the table and that `start` removed: elements of the counting sets. */
  removedFrontends: readonly Element[] = [];
  #state = new TableState();
  readonly #structure = new TableStructure();
  readonly #socket: NftablesSocket;
  readonly #table: string;
  readonly #log: Logger;
  #node: NodeSettings | undefined;
  #owned = false;
  #generation = 0;

  constructor(socket: NftablesSocket, log: Logger, table = 'nftproxy') {
    this.#socket = socket;
    this.#log = log;
    this.#table = table;
  }

  /** The Service ports the kernel holds. */
  get state(): TableState {
    return this.#state;
  }

  /** Whether the kernel keeps other programs from changing the table (owner and persist flags, kernel 6.9). */
  get owned(): boolean {
    return this.#owned;
  }

  /** Generation of the rule set after our last commit. */
  get generation(): number {
    return this.#generation;
  }

  /** Names of the sets and maps in the table. */
  get setNames(): readonly string[] {
    return this.#structure.setNames;
  }

  /**
   * Brings the table to exactly `ports` and `node`, whatever it held before: made anew where there is none, adopted
   * with nothing but the difference written where an earlier run left one.
   *
   * @throws ForeignTableError if the table belongs to somebody else; NetlinkError if the kernel refuses.
   */
  async start(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Applied> {
    this.#node = node;
    this.quarantined.clear();
    this.removedFrontends = [];
    const accepted = new Map(ports);
    const total: Total = { transactions: 0, elements: 0, milliseconds: 0 };
    for (;;) {
      const target = this.#target(accepted, node);
      try {
        await this.#bringTo(target, total);
        target.plan.accept();
        this.#state = target.state;
        this.elementCounts.clear();
        this.#count(target.elements, 1);
        return total;
      } catch (error) {
        for (const id of this.#culprits(error, target.plan, accepted, systemicErrors)) {
          this.#quarantine(id, error, accepted.get(id));
          accepted.delete(id);
        }
      }
    }
  }

  /** Writes the new state of some Service ports (undefined: gone). */
  async apply(changes: Changes): Promise<Applied> {
    const total: Total = { transactions: 0, elements: 0, milliseconds: 0 };
    for (const group of inGroups(changes)) await this.#applyGroup(group, total);
    return total;
  }

  /** Follows a change of the node's settings in one transaction: only rules and interval elements that differ. */
  async setNode(node: NodeSettings): Promise<Applied> {
    const total: Total = { transactions: 0, elements: 0, milliseconds: 0 };
    const tx = this.#transaction();
    const undo = this.#structure.addChains(tx, constantChains(node));
    const { deletes, adds } = adopt(nodeElements(node), nodeElements(this.#settings()));
    addBatch(tx, { deletes, adds });
    try {
      if (tx.operations > 0) await this.#commit(tx, total);
    } catch (error) {
      undo();
      throw error;
    }
    this.#count(deletes, -1);
    this.#count(adds, 1);
    this.#node = node;
    return total;
  }

  /** True if somebody else has committed in this namespace since, so that an unowned table needs another look. */
  async foreignCommits(): Promise<boolean> {
    const { id } = await this.#socket.generation();
    const foreign = id !== this.#generation;
    this.#generation = id;
    return foreign;
  }

  #target(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Target {
    const state = new TableState();
    const plan = state.plan(ports);
    return {
      state,
      plan,
      elements: [...plan.adds, ...nodeElements(node)],
      sets: [...constantSets(), ...wantedAffineSets(ports.values())],
      chains: wantedChains(node, ports.values(), plan.chains),
    };
  }

  async #bringTo(target: Target, total: Total): Promise<void> {
    const claim = await claimTable(this.#socket, this.#table);
    this.#owned = claim.features.owner && claim.features.persist;
    if (!claim.exists) {
      await this.#create(target, total);
      return;
    }
    if (await this.#structure.learn(this.#socket, this.#table)) {
      await this.#adopt(target, total);
      return;
    }
    this.#log.warn('the table has another layout: replacing it in one transaction');
    await this.#replace(target, total);
  }

  /** A new table; base chains are added last, so that no packet meets a half-filled table. */
  async #create(target: Target, total: Total): Promise<void> {
    this.#structure.forget();
    const first = this.#transaction();
    this.#addTable(first);
    this.#structure.addSets(first, target.sets);
    this.#structure.addChains(
      first,
      target.chains.filter(({ chain }) => !chain.base),
    );
    await this.#commit(first, total);
    await this.#writeElements([], target.elements, total);
    const last = this.#transaction();
    this.#structure.addChains(
      last,
      target.chains.filter(({ chain }) => chain.base),
    );
    await this.#commit(last, total);
  }

  /** Everything in one transaction: at no moment is a packet without the old table or the new one. */
  async #replace(target: Target, total: Total): Promise<void> {
    this.#structure.forget();
    const tx = this.#transaction();
    tx.deleteTable();
    this.#addTable(tx);
    this.#structure.addSets(tx, target.sets);
    this.#structure.addChains(tx, target.chains);
    addBatch(tx, { deletes: [], adds: [...target.elements] });
    await this.#commit(tx, total);
  }

  async #adopt(target: Target, total: Total): Promise<void> {
    const structure = this.#transaction();
    if (this.#owned) this.#addTable(structure);
    this.#structure.addSets(structure, target.sets);
    this.#structure.addChains(structure, target.chains);
    if (structure.operations > 0) await this.#commit(structure, total);
    const { deletes, adds, kept } = adopt(target.elements, await this.#presentElements());
    await this.#writeElements(deletes, adds, total);
    await this.#forgetClients(deletes, total);
    const leftovers = this.#transaction();
    this.#structure.removeAllBut(leftovers, target.chains, target.sets);
    if (leftovers.operations > 0) await this.#commit(leftovers, total);
    this.removedFrontends = deletes.filter(({ set }) => definitionOf(set)?.counter === true);
    this.#log.info('adopted the table', { kept, deleted: deletes.length, added: adds.length });
  }

  async #presentElements(): Promise<Element[]> {
    const present: Element[] = [];
    for (const name of this.#structure.setNames) {
      const definition = definitionOf(name);
      if (!definition || definition.dynamic) continue;
      for (const element of await this.#socket.elements(this.#table, definition)) present.push(element);
    }
    return present;
  }

  async #writeElements(deletes: readonly Element[], adds: readonly Element[], total: Total): Promise<void> {
    for (const batch of inBatches(deletes, adds)) {
      const tx = this.#transaction();
      addBatch(tx, batch);
      await this.#commit(tx, total);
    }
  }

  async #applyGroup(group: Map<string, DesiredPort | undefined>, total: Total): Promise<void> {
    while (group.size > 0) {
      const plan = this.#state.plan(group);
      try {
        await this.#commitPlan(plan, group, total);
        plan.accept();
        this.#count(plan.deletes, -1);
        this.#count(plan.adds, 1);
        for (const id of group.keys()) this.quarantined.delete(id);
        return;
      } catch (error) {
        for (const id of this.#culprits(error, plan, group, unexpectedErrors)) {
          this.#quarantine(id, error, group.get(id));
          group.delete(id);
        }
      }
    }
  }

  /**
   * Clients that stay with a leaving endpoint are forgotten in the same transaction, so that none of them is sent
   * there again; whoever was remembered between the reading and the commit is forgotten right after it.
   */
  async #commitPlan(plan: Plan, changes: Changes, total: Total): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const forgotten = await clientsToForget(this.#socket, this.#table, plan.deletes);
      try {
        await this.#commitOnce(plan, changes, forgotten, total);
        break;
      } catch (error) {
        // An entry that expired since it was read.
        if (!isAffinityExpiry(error) || attempt === affinityAttempts) throw error;
      }
    }
    await this.#forgetClients(plan.deletes, total);
  }

  async #forgetClients(leaving: readonly Element[], total: Total): Promise<void> {
    for (let attempt = 1; attempt <= affinityAttempts; attempt++) {
      const forgotten = await clientsToForget(this.#socket, this.#table, leaving);
      if (forgotten.length === 0) return;
      try {
        await this.#writeElements(forgotten, [], total);
      } catch (error) {
        if (!isAffinityExpiry(error)) throw error;
      }
    }
  }

  /**
   * Chains that are new get a transaction of their own, before anything names them. A packet that entered the old
   * generation may already read the new one's elements, but finds a chain of the new one still empty: it would leave
   * untranslated, and its connection would stay so.
   */
  async #addNewChains(plan: Plan, total: Total): Promise<void> {
    const missing = plan.chains.filter(({ name }) => !this.#structure.hasChain(name));
    if (missing.length === 0) return;
    const tx = this.#transaction();
    const undo = this.#structure.addChains(tx, missing.map(renderPickChain));
    try {
      await this.#commit(tx, total);
    } catch (error) {
      undo();
      throw error;
    }
  }

  async #commitOnce(plan: Plan, changes: Changes, forgotten: readonly Element[], total: Total): Promise<void> {
    await this.#addNewChains(plan, total);
    const tx = this.#transaction();
    const desired = [...changes.values()].filter((port) => port !== undefined);
    const undo = [
      this.#structure.addAffinity(tx, desired),
      this.#structure.addChains(tx, plan.chains.map(renderPickChain)),
    ];
    addBatch(tx, { deletes: [...plan.deletes, ...forgotten], adds: [...plan.adds] });
    const retired = plan.retiredChains.map((chain) => chain.name);
    undo.push(this.#structure.removeChains(tx, retired));
    if (tx.operations === 0) return;
    try {
      await this.#commit(tx, total);
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  #count(elements: readonly Element[], by: 1 | -1): void {
    for (const { set } of elements) this.elementCounts.set(set, (this.elementCounts.get(set) ?? 0) + by);
  }

  #quarantine(id: string, error: unknown, desired: DesiredPort | undefined): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.quarantined.set(id, { id, reason, desired });
    this.#log.error('the kernel refused a Service port; it is set aside, all others are served', {
      servicePort: id,
      reason,
    });
  }

  /** The Service ports to blame for a failed transaction; rethrows what is no Service port's fault. */
  #culprits(error: unknown, plan: Plan, changes: Changes, nobodysFault: ReadonlySet<string>): Set<string> {
    if (!(error instanceof NetlinkError)) throw error;
    const owners = error.culprits.map(({ element }) => element && plan.ownerOf(element));
    const ids = new Set(owners.flatMap((id) => (id !== undefined && changes.has(id) ? id : [])));
    // Whatever failed in a transaction of one Service port is that one's.
    if (ids.size === 0 && changes.size === 1) for (const id of changes.keys()) ids.add(id);
    // One that was refused before and is tried again is no surprise.
    const expected = ids.size > 0 && [...ids].every((id) => this.quarantined.has(id));
    if (ids.size === 0 || (nobodysFault.has(error.code) && !expected)) throw error;
    return ids;
  }

  #settings(): NodeSettings {
    if (!this.#node) throw new Error('the table has not been started');
    return this.#node;
  }

  #addTable(tx: Transaction): void {
    tx.addTable({ owner: this.#owned, persist: this.#owned, comment: tableComment });
  }

  #transaction(): Transaction {
    return new Transaction(this.#table);
  }

  async #commit(tx: Transaction, total: Total): Promise<void> {
    const result = await this.#socket.commit(tx);
    this.#generation = result.generation;
    total.transactions += 1;
    total.elements += result.elements;
    total.milliseconds += result.milliseconds;
  }
}

/** Errors that say nothing about one Service: no permission, no memory, an answer lost. */
const systemicErrors = new Set(['EPERM', 'ENOMEM', 'ENOBUFS', 'ERESTART', 'EINTR', 'EBADF']);

/** For a change against the state we believe in, also: the kernel's state is another one. Only `start` can tell. */
const unexpectedErrors = new Set([...systemicErrors, 'ENOENT', 'EEXIST']);

/** How often a clean-up of remembered clients is tried again because entries expired under its hands. */
const affinityAttempts = 5;

function isAffinityExpiry(error: unknown): boolean {
  return (
    error instanceof NetlinkError &&
    error.code === 'ENOENT' &&
    error.culprits.every(({ set }) => set === 'affinity4' || set === 'affinity6')
  );
}
