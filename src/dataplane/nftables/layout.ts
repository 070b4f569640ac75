import { fingerprint } from '../../nftables/index.ts';
import type { NftablesSocket, SetDefinition, Transaction } from '../../nftables/index.ts';
import type { RenderedChain } from './base-chains.ts';
import { definitionOf } from './sets.ts';

/** What the table is to have beside what it has already, and what it no longer needs, by name. */
export interface LayoutChange {
  readonly sets?: readonly SetDefinition[];
  readonly chains?: readonly RenderedChain[];
  readonly unneededChains?: Iterable<string>;
  readonly unneededSets?: Iterable<string>;
}

/** The part of a transaction that changes sets, chains and rules; nothing is remembered before `accept()`. */
export interface LayoutPlan {
  /** Whether it adds anything. */
  readonly additions: boolean;
  /** Writes what must be there before elements name it. */
  add(tx: Transaction): void;
  /** Writes what may go once no element names it any more. */
  remove(tx: Transaction): void;
  /** Call when the kernel has taken the transaction. */
  accept(): void;
}

/**
 * Which sets and chains the kernel's table has, and with which rules (by fingerprint), so that only what is missing
 * or different is written.
 */
export class Layout {
  #sets = new Set<string>();
  #chains = new Map<string, string>();

  get setNames(): readonly string[] {
    return [...this.#sets];
  }

  get chainNames(): readonly string[] {
    return [...this.#chains.keys()];
  }

  hasSet(name: string): boolean {
    return this.#sets.has(name);
  }

  hasChain(name: string): boolean {
    return this.#chains.has(name);
  }

  forget(): void {
    this.#sets.clear();
    this.#chains.clear();
  }

  /** Reads the layout back. False if a set of ours has another type: sets cannot be changed in place. */
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

  /** Works out what is missing, different or left over. Names that are both wanted and unneeded stay. */
  plan(change: LayoutChange): LayoutPlan {
    const { sets = [], chains = [], unneededChains = [], unneededSets = [] } = change;
    const newSets = sets.filter((set) => !this.#sets.has(set.name));
    const newChains = chains.filter((chain) => this.#chains.get(chain.chain.name) !== signatureOf(chain));
    // A set and a chain may have the same name.
    const wantedChains = new Set(chains.map(({ chain }) => chain.name));
    const wantedSets = new Set(sets.map(({ name }) => name));
    const oldChains = [...unneededChains].filter((name) => this.#chains.has(name) && !wantedChains.has(name));
    const oldSets = [...unneededSets].filter((name) => this.#sets.has(name) && !wantedSets.has(name));
    return {
      additions: newSets.length + newChains.length > 0,
      add: (tx) => {
        for (const set of newSets) tx.addSet(set);
        this.#addChains(tx, newChains);
      },
      remove: (tx) => {
        // With their rules first, as chains may name each other.
        for (const name of oldChains) tx.flushChain(name);
        for (const name of oldChains) tx.deleteChain(name);
        for (const name of oldSets) tx.deleteSet(name);
      },
      accept: () => {
        for (const { name } of newSets) this.#sets.add(name);
        for (const chain of newChains) this.#chains.set(chain.chain.name, signatureOf(chain));
        for (const name of oldChains) this.#chains.delete(name);
        for (const name of oldSets) this.#sets.delete(name);
      },
    };
  }

  /** All chains before any rule, as rules name chains. */
  #addChains(tx: Transaction, chains: readonly RenderedChain[]): void {
    for (const { chain } of chains) {
      if (this.#chains.has(chain.name)) tx.flushChain(chain.name);
      else tx.addChain(chain);
    }
    for (const { rules } of chains) for (const rule of rules) tx.addRule(rule);
  }
}

function signatureOf({ rules }: RenderedChain): string {
  return rules.map((rule) => `${fingerprint(rule)};`).join('');
}

function kindOf(set: SetDefinition): string {
  const { key, data, interval, dynamic, timeout, counter } = set;
  return JSON.stringify([key, data, interval ?? false, dynamic ?? false, timeout ?? false, counter ?? false]);
}
