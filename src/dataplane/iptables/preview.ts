import type { DesiredPort, NodeSettings, Preview, PreviewedElement, PreviewedSet } from '../data-plane.ts';
import type { Family } from '../../services/index.ts';
import { partsOf, tables } from './chains.ts';
import type { ChainKey, Chains, Rules } from './chains.ts';
import { constantChains } from './constant.ts';
import { FamilyRules } from './family-rules.ts';

const noRules: Rules = [];

/**
 * What it would take to bring one family's tables to `ports` and `node`: rules by table (`nat4`), each after its chain's
 * name.
 */
export function familyPreview(
  family: Family,
  present: Chains,
  wanted: { ports: ReadonlyMap<string, DesiredPort>; node: NodeSettings },
): Preview {
  const rules = new FamilyRules(family, wanted.node);
  for (const [id, desired] of wanted.ports) rules.put(id, desired);
  const after: Chains = new Map([...rules.takeTouched()].map(([key, chain]) => [key, chain ?? noRules]));
  const added = [...after.keys()].filter((key) => !present.has(key));
  const removed = [...present.keys()].filter((key) => !after.has(key));
  const constant = [...constantChains(family, wanted.node).keys()];
  const changed = constant.filter((key) => present.has(key) && missing(after, present, key).length > 0);
  const nameOf = (key: ChainKey): string => partsOf(key)[1];
  return {
    sets: tables.flatMap((table): PreviewedSet[] => {
      const keys = [...new Set([...present.keys(), ...after.keys()])].filter((key) => key.startsWith(`${table} `));
      const deletes = keys.flatMap((key) => missing(present, after, key));
      const adds = keys.flatMap((key) => missing(after, present, key));
      return deletes.length + adds.length === 0 ? [] : [{ name: `${table}${family}`, deletes, adds }];
    }),
    chains: {
      ...{ added: added.map(nameOf), changed: changed.map(nameOf), removed: removed.map(nameOf) },
      allAnew: changed.length > 0,
    },
    elements: ruleCount(after),
    refused: [],
  };
}

/** Rules of one chain of `here` that are not in that chain of `there`. */
function missing(here: Chains, there: Chains, key: ChainKey): PreviewedElement[] {
  const others = new Set(there.get(key));
  const [, name] = partsOf(key);
  return (here.get(key) ?? []).filter((each) => !others.has(each)).map((each) => ({ key: `${name} ${each}` }));
}

export function ruleCount(chains: Chains): number {
  return [...chains.values()].reduce((sum, rules) => sum + rules.length, 0);
}

/** Both families in one. */
export function bothFamilies(a: Preview, b: Preview): Preview {
  return {
    sets: [...a.sets, ...b.sets],
    chains: {
      added: [...new Set([...a.chains.added, ...b.chains.added])],
      changed: [...new Set([...a.chains.changed, ...b.chains.changed])],
      removed: [...new Set([...a.chains.removed, ...b.chains.removed])],
      allAnew: a.chains.allAnew || b.chains.allAnew,
    },
    elements: a.elements + b.elements,
    refused: [...a.refused, ...b.refused],
  };
}
