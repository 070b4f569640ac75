import { RestoreError } from '../../iptables/index.ts';
import type { Family } from '../../services/index.ts';
import type { Changes, DesiredPort, NodeSettings, Refusal, Written } from '../data-plane.ts';
import { addWritten, nothingWritten } from '../data-plane.ts';
import type { ChainChanges, ChainKey, Rules } from './chains.ts';
import { editsOf } from './edits.ts';
import { FamilyRules } from './family-rules.ts';
import type { KernelTables, Present } from './kernel-tables.ts';

/** What one write has done. */
export interface FamilyWritten {
  readonly written: Written;
  readonly refused: readonly Refusal[];
}

/** One family's tables in the kernel, and what they are to be. */
export class FamilyTables {
  readonly family: Family;
  readonly #kernel: KernelTables;
  readonly #rules: FamilyRules;
  /** What the kernel has, as it was written. */
  #held = new Map<ChainKey, Rules>();
  /** Chains that iptables-save prints in other words than they were written in, as it prints them. */
  #printed = new Map<ChainKey, Rules>();

  constructor(kernel: KernelTables, family: Family, node: NodeSettings) {
    this.#kernel = kernel;
    this.family = family;
    this.#rules = new FamilyRules(family, node);
  }

  /** Chains by table and name, with their rules. */
  get chains(): ReadonlyMap<ChainKey, Rules> {
    return this.#held;
  }

  /** Brings the kernel from whatever it holds to these Service ports. Undefined of `before`: others of ours stay there. */
  async start(ports: ReadonlyMap<string, DesiredPort>, present: Present): Promise<FamilyWritten> {
    this.#held = new Map(present.chains);
    const unknown = new Map([...this.#held.keys()].map((key) => [key, undefined] as const));
    const outcome = await this.#write(ports, new Map(), { unknown, hooks: present.hooks });
    if (outcome.written.elements > 0) await this.#readBack();
    return outcome;
  }

  /** @param before what is served of each Service port that changes, to go back to */
  apply(
    changes: Changes,
    before: ReadonlyMap<string, DesiredPort>,
    retried: ReadonlySet<string>,
  ): Promise<FamilyWritten> {
    return this.#write(changes, before, { retried });
  }

  /** Follows the node; @throws what iptables says, and what was before is wanted again. */
  async setNode(nodes: { before: NodeSettings; after: NodeSettings }, served: Changes): Promise<Written> {
    this.#rules.setNode(nodes.after);
    try {
      const { written } = await this.#write(served, new Map(), { allOrNothing: true });
      return written;
    } catch (error) {
      this.#rules.setNode(nodes.before);
      for (const [id, desired] of served) this.#rules.put(id, desired);
      throw error;
    }
  }

  /** Whether the kernel has what was written, and the ways to it. */
  async isIntact(): Promise<boolean> {
    const { chains, hooks } = await this.#kernel.read(this.family);
    if (hooks.insert.length + hooks.remove.length > 0 || chains.size !== this.#held.size) return false;
    return [...this.#held].every(([key, rules]) => isSame(this.#printed.get(key) ?? rules, chains.get(key)));
  }

  /** Another version of iptables may have other words: that is no change by somebody else. */
  async #readBack(): Promise<void> {
    const { chains } = await this.#kernel.read(this.family);
    this.#printed = new Map([...this.#held.keys()].map((key) => [key, chains.get(key) ?? []]));
    for (const [key, rules] of this.#held) if (isSame(rules, chains.get(key))) this.#printed.delete(key);
  }

  async #write(
    changes: Changes,
    before: ReadonlyMap<string, DesiredPort>,
    o: {
      unknown?: ChainChanges;
      hooks?: Present['hooks'];
      retried?: ReadonlySet<string>;
      allOrNothing?: boolean;
    },
  ): Promise<FamilyWritten> {
    const refused: Refusal[] = [];
    const touched = new Map(o.unknown);
    const left = new Map(changes);
    for (const [id, desired] of left) this.#rules.put(id, desired);
    for (;;) {
      for (const [key, rules] of this.#rules.takeTouched()) touched.set(key, rules);
      const edits = editsOf(this.#held, touched, o.hooks);
      const begun = performance.now();
      try {
        await this.#kernel.write(this.family, edits);
      } catch (error) {
        const culprits = o.allOrNothing === true ? [] : this.#culprits(error, left, o.retried);
        if (culprits.length === 0) throw error;
        for (const id of culprits) {
          refused.push({ id, reason: error instanceof RestoreError ? error.message : String(error) });
          this.#rules.put(id, before.get(id));
          left.delete(id);
        }
        continue;
      }
      this.#accept(touched);
      if (edits.lines === 0) return { written: nothingWritten, refused };
      const milliseconds = performance.now() - begun;
      return { written: addWritten(nothingWritten, { transactions: 1, elements: edits.lines, milliseconds }), refused };
    }
  }

  #accept(touched: ChainChanges): void {
    for (const [key, rules] of touched) {
      const before = this.#held.get(key);
      if (rules === undefined) this.#held.delete(key);
      else this.#held.set(key, rules);
      if (!isSame(before ?? [], rules)) this.#printed.delete(key);
    }
  }

  /** Whose fault it is: those of a line that iptables names, else those that were refused before. */
  #culprits(error: unknown, changes: Changes, retried: ReadonlySet<string> = new Set()): string[] {
    if (!(error instanceof RestoreError)) return [];
    const isChanging = (id: string): boolean => changes.get(id) !== undefined;
    const owners = error.line === undefined ? [] : this.#rules.ownersOf(error.line).filter(isChanging);
    return owners.length > 0 ? owners : [...retried].filter(isChanging);
  }
}

function isSame(a: Rules, b: Rules | undefined): boolean {
  return a.length === b?.length && a.every((rule, index) => rule === b[index]);
}
