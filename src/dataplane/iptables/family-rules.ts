import type { Family } from '../../services/index.ts';
import type { DesiredPort, NodeSettings } from '../data-plane.ts';
import type { ChainChanges, ChainKey, Rules } from './chains.ts';
import { inTable } from './chains.ts';
import { constantChains, nearSources } from './constant.ts';
import { forksOf } from './keys.ts';
import type { TreeName } from './keys.ts';
import { rulesOf } from './port-rules.ts';
import type { Entry, PortRules } from './port-rules.ts';
import { treeChains } from './tree.ts';

/** A tree's rules by key, with how many Service ports need each. */
type Counted = Map<string, Map<string, number>>;

/** What one family's tables are to be: a constant part, a part of each Service port, and trees that all have rules in. */
export class FamilyRules {
  readonly #family: Family;
  readonly #ports = new Map<string, PortRules>();
  readonly #trees: ReadonlyMap<TreeName, { leaves: Counted; chains: ReadonlyMap<string, Rules> }>;
  #node: NodeSettings;
  #dirty: Set<TreeName>;
  #touched: Map<ChainKey, Rules | undefined>;

  constructor(family: Family, node: NodeSettings) {
    this.#family = family;
    this.#node = node;
    const names = Object.keys(forksOf(family)) as TreeName[];
    this.#trees = new Map(names.map((name) => [name, { leaves: new Map(), chains: new Map() }]));
    this.#dirty = new Set(names);
    this.#touched = constantChains(family, node);
  }

  /** Undefined: the Service port is gone. */
  put(id: string, desired: DesiredPort | undefined): void {
    const before = this.#ports.get(id);
    if (before) this.#leave(before);
    this.#ports.delete(id);
    if (desired?.port.family !== this.#family) return;
    const rules = rulesOf(desired, nearSources(this.#family, this.#node));
    this.#ports.set(id, rules);
    for (const [key, chain] of rules.chains) this.#touched.set(key, chain);
    for (const entry of rules.entries) this.#count(entry, 1);
  }

  /** Only what follows from the node itself; Service ports must be put again, as they depend on it too. */
  setNode(node: NodeSettings): void {
    this.#node = node;
    for (const [key, rules] of constantChains(this.#family, node)) this.#touched.set(key, rules);
  }

  /** What may have become another chain since this was asked last. */
  takeTouched(): ChainChanges {
    const forks = forksOf(this.#family);
    for (const name of this.#dirty) {
      const tree = this.#trees.get(name);
      if (!tree) continue;
      const leaves = new Map([...tree.leaves].map(([key, rules]) => [key, rules.keys()] as const));
      const chains = treeChains(forks[name], leaves);
      const table = name.startsWith('nat') ? 'nat' : 'filter';
      for (const chain of tree.chains.keys()) this.#touched.set(inTable(table, chain), undefined);
      for (const [chain, rules] of chains) this.#touched.set(inTable(table, chain), rules);
      tree.chains = chains;
    }
    const touched = this.#touched;
    this.#dirty = new Set();
    this.#touched = new Map();
    return touched;
  }

  /** The Service ports that have this rule, or a chain that it names. */
  ownersOf(rule: string): string[] {
    const words = new Set(rule.split(' '));
    const owns = ({ chains, entries }: PortRules): boolean =>
      [...chains.keys()].some((key) => words.has(key.slice(key.indexOf(' ') + 1))) ||
      entries.some((entry) => rule.endsWith(` ${entry.rule}`));
    return [...this.#ports].filter(([, rules]) => owns(rules)).map(([id]) => id);
  }

  #leave({ chains, entries }: PortRules): void {
    for (const key of chains.keys()) this.#touched.set(key, undefined);
    for (const entry of entries) this.#count(entry, -1);
  }

  #count({ tree, key, rule }: Entry, change: 1 | -1): void {
    const leaves = this.#trees.get(tree)?.leaves ?? new Map<string, Map<string, number>>();
    const rules = leaves.get(key) ?? new Map<string, number>();
    const count = (rules.get(rule) ?? 0) + change;
    if (count === 0) rules.delete(rule);
    else rules.set(rule, count);
    if (rules.size === 0) leaves.delete(key);
    else leaves.set(key, rules);
    this.#dirty.add(tree);
  }
}
