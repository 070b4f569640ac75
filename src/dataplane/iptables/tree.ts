import { digestOf } from '../digest.ts';
import { longestName } from './chains.ts';
import type { Rules } from './chains.ts';

/** How a tree tells its keys apart. */
export interface Forks {
  /** The chain in which a packet's way begins, and what the names of the others begin with. */
  readonly root: string;
  /** What all packets match whose key begins with these digits. */
  match(digits: string): string;
}

/** Rules by key, which is hexadecimal digits; each rule matches what its key says by itself. */
export type Leaves = ReadonlyMap<string, Iterable<string>>;

interface Leaf {
  readonly key: string;
  readonly rule: string;
}

/** Rules that are walked through in order rather than told apart further: as many as a digit has values. */
const width = 16;
/** Deeper than that a tree is no help, and nf_tables takes no more than 16 chains in a row (NFT_JUMP_STACK_SIZE). */
const deepest = 8;

/**
 * Chains that lead a packet to the rules of its key in a few steps, however many rules there are: at most 16 rules are
 * looked at in each chain. The rule of a key comes after those of longer keys that begin with it. Pure: the same leaves
 * give the same chains, and a leaf more or less changes those on its way only.
 */
export function treeChains(forks: Forks, leaves: Leaves): Map<string, Rules> {
  const chains = new Map<string, Rules>();
  const all = [...leaves]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, rules]) => Array.from(rules, (rule): Leaf => ({ key, rule })));
  grow({ forks, chains }, { name: forks.root, digits: '', leaves: all, depth: 0 });
  return chains;
}

interface Branch {
  readonly name: string;
  /** What the keys of all its leaves begin with. */
  readonly digits: string;
  readonly leaves: readonly Leaf[];
  readonly depth: number;
}

function grow(tree: { forks: Forks; chains: Map<string, Rules> }, branch: Branch): void {
  const { leaves, depth } = branch;
  const digits = commonStart(leaves, branch.digits);
  const here = leaves.filter(({ key }) => key === digits);
  const beyond = leaves.filter(({ key }) => key !== digits);
  if (leaves.length <= width || depth === deepest || beyond.length === 0) {
    tree.chains.set(
      branch.name,
      [...beyond, ...here].map(({ rule }) => rule),
    );
    return;
  }
  const rules: string[] = [];
  for (const [next, group] of Map.groupBy(beyond, ({ key }) => key.slice(0, digits.length + 1))) {
    if (group.length === 1) rules.push(...group.map(({ rule }) => rule));
    else {
      const name = nameOf(tree.forks.root, next);
      rules.push(`${tree.forks.match(next)} -j ${name}`);
      grow(tree, { name, digits: next, leaves: group, depth: depth + 1 });
    }
  }
  tree.chains.set(branch.name, [...rules, ...here.map(({ rule }) => rule)]);
}

function commonStart(leaves: readonly Leaf[], known: string): string {
  const first = leaves[0]?.key ?? known;
  const last = leaves.at(-1)?.key ?? known;
  let length = known.length;
  while (length < first.length && first[length] === last[length]) length++;
  return first.slice(0, length);
}

/** The digits themselves where they fit, for people; else a digest of them. */
function nameOf(root: string, digits: string): string {
  const room = longestName - root.length - 1;
  return `${root}-${digits.length < room ? digits : `x${digestOf(digits)}`.slice(0, room)}`;
}
