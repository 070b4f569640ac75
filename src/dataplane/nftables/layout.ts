import { fingerprint } from '../../nftables/index.ts';
import type { SetDefinition, Transaction } from '../../nftables/index.ts';
import type { RenderedChain } from './base-chains.ts';

/** What a generation is to have beside what it has already, and what it no longer needs, by name. */
export interface LayoutChange {
  readonly sets?: readonly SetDefinition[];
  readonly chains?: readonly RenderedChain[];
  readonly unneededChains?: Iterable<string>;
  readonly unneededSets?: Iterable<string>;
}

/** The part of a transaction that changes sets, chains and rules; nothing is remembered before `accept()`. */
export interface LayoutPlan {
  /** Writes what must be there before elements name it. */
  add(tx: Transaction): void;
  /** Writes what may go once no element names it any more. */
  remove(tx: Transaction): void;
  /** Call when the kernel has taken the transaction. */
  accept(): void;
}

/**
 * Which sets and chains a generation has in the kernel, and with which rules (by fingerprint), so that only what is
 * missing or different is written.
 */
export class Layout {
  readonly #sets: Set<string>;
  readonly #chains = new Map<string, string>();

  /** @param sets that are there already */
  constructor(sets: Iterable<string> = []) {
    this.#sets = new Set(sets);
  }

  get setNames(): Iterable<string> {
    return this.#sets;
  }

  /** What tells the rules of each chain from others, by the chain's name. */
  get signatures(): ReadonlyMap<string, string> {
    return this.#chains;
  }

  hasSet(name: string): boolean {
    return this.#sets.has(name);
  }

  hasChain(name: string): boolean {
    return this.#chains.has(name);
  }

  /** Whether a chain has exactly these rules. */
  has(chain: RenderedChain): boolean {
    return this.#chains.get(chain.chain.name) === signatureOf(chain);
  }

  /** Works out what is missing, different or left over. Names that are both wanted and unneeded stay. */
  plan(change: LayoutChange): LayoutPlan {
    const { sets = [], chains = [], unneededChains = [], unneededSets = [] } = change;
    const newSets = sets.filter((set) => !this.#sets.has(set.name));
    const newChains = chains.filter((chain) => !this.has(chain));
    // A set and a chain may have the same name.
    const wantedChains = new Set(chains.map(({ chain }) => chain.name));
    const wantedSets = new Set(sets.map(({ name }) => name));
    const oldChains = [...unneededChains].filter((name) => this.#chains.has(name) && !wantedChains.has(name));
    const oldSets = [...unneededSets].filter((name) => this.#sets.has(name) && !wantedSets.has(name));
    return {
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

/** The fingerprints of a chain's rules, in order. */
export function signatureOf({ rules }: RenderedChain): string {
  return rules.map((rule) => `${fingerprint(rule)};`).join('');
}
