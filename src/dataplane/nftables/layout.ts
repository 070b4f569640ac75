import { fingerprint } from '../../nftables/index.ts';
import type { NftablesSocket, SetDefinition, Transaction } from '../../nftables/index.ts';
import { affineSets, affineTimeoutsOf, definitionOf } from './sets.ts';
import { learnChain } from './base-chains.ts';
import type { RenderedChain } from './base-chains.ts';
import type { DesiredPort } from './plan.ts';

/** Undoes what a failed transaction was thought to have made. */
export type Undo = () => void;

/**
 * Which sets and chains the kernel's table has, and with which rules (by fingerprint), so that only what is missing
 * or different is written.
 */
export class TableStructure {
  readonly #sets = new Set<string>();
  readonly #chains = new Map<string, string>();

  get setNames(): readonly string[] {
    return [...this.#sets];
  }

  hasChain(name: string): boolean {
    return this.#chains.has(name);
  }

  forget(): void {
    this.#sets.clear();
    this.#chains.clear();
  }

  /** Reads the structure back. False if a set of ours has another type: sets cannot be changed in place. */
  async learn(socket: NftablesSocket, table: string): Promise<boolean> {
    this.forget();
    for (const set of await socket.sets(table)) {
      const wanted = definitionOf(set.name);
      if (!wanted) continue;
      if (kindOf(wanted) !== kindOf(set)) return false;
      this.#sets.add(set.name);
    }
    for (const chain of await socket.chains(table)) this.#chains.set(chain.name, '');
    for (const rule of await socket.rules(table)) {
      this.#chains.set(rule.chain, `${this.#chains.get(rule.chain) ?? ''}${rule.fingerprint ?? '?'};`);
    }
    return true;
  }

  /** Adds the sets that are missing. */
  addSets(tx: Transaction, sets: readonly SetDefinition[]): Undo {
    const added = sets.filter((set) => !this.#sets.has(set.name));
    for (const set of added) {
      tx.addSet(set);
      this.#sets.add(set.name);
    }
    return () => {
      for (const set of added) this.#sets.delete(set.name);
    };
  }

  /** Adds chains that are missing and replaces the rules of those that differ, in one go: chains before rules. */
  addChains(tx: Transaction, chains: readonly RenderedChain[]): Undo {
    const before = new Map<string, string | undefined>();
    const changed: RenderedChain[] = [];
    for (const rendered of chains) {
      const { name } = rendered.chain;
      const present = this.#chains.get(name);
      const signature = rendered.rules.map((rule) => `${fingerprint(rule)};`).join('');
      if (present === signature) continue;
      before.set(name, present);
      changed.push(rendered);
      if (present === undefined) tx.addChain(rendered.chain);
      else tx.flushChain(name);
      this.#chains.set(name, signature);
    }
    for (const { rules } of changed) for (const rule of rules) tx.addRule(rule);
    return () => {
      for (const [name, signature] of before) {
        if (signature === undefined) this.#chains.delete(name);
        else this.#chains.set(name, signature);
      }
    };
  }

  /** Sets and learning rules for the affinity timeouts of these Service ports, as far as they are new. */
  addAffinity(tx: Transaction, ports: readonly DesiredPort[]): Undo {
    const undo: Undo[] = [];
    for (const family of [4, 6] as const) {
      const sets = ports.flatMap(({ port }) =>
        port.family === family && port.affinitySeconds !== undefined
          ? Object.values(affineSets(family, port.affinitySeconds))
          : [],
      );
      if (sets.every((set) => this.#sets.has(set.name))) continue;
      undo.push(this.addSets(tx, sets));
      undo.push(this.addChains(tx, [learnChain(family, affineTimeoutsOf(this.#sets, family))]));
    }
    return () => {
      for (const step of undo) step();
    };
  }

  /** Removes chains by name, with their rules first, as chains may name each other. */
  removeChains(tx: Transaction, names: readonly string[]): Undo {
    const present = names.filter((name) => this.#chains.has(name));
    const before = present.map((name) => [name, this.#chains.get(name) ?? ''] as const);
    for (const name of present) tx.flushChain(name);
    for (const name of present) tx.deleteChain(name);
    for (const name of present) this.#chains.delete(name);
    return () => {
      for (const [name, signature] of before) this.#chains.set(name, signature);
    };
  }

  /** Removes what an earlier run left and nothing needs: chains, and live sets of timeouts out of use. */
  removeAllBut(tx: Transaction, chains: readonly RenderedChain[], sets: readonly SetDefinition[]): void {
    const wantedChains = new Set(chains.map(({ chain }) => chain.name));
    this.removeChains(
      tx,
      [...this.#chains.keys()].filter((name) => !wantedChains.has(name)),
    );
    const wantedSets = new Set(sets.map((set) => set.name));
    for (const name of this.setNames) {
      if (wantedSets.has(name)) continue;
      tx.deleteSet(name);
      this.#sets.delete(name);
    }
  }
}

function kindOf(set: SetDefinition): string {
  const { key, data, interval, dynamic, timeout, counter } = set;
  return JSON.stringify([key, data, interval ?? false, dynamic ?? false, timeout ?? false, counter ?? false]);
}
