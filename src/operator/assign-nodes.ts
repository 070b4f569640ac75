import type { ProxyConfig } from '../api/types.ts';
import { defaultPriority } from '../api/defaults.ts';
import { selects } from './label-selector.ts';
import type { NodeInfo } from './node-info.ts';

/** Which nodes a ProxyConfig governs, and how many it selects, won or not. */
export interface Share {
  readonly won: readonly NodeInfo[];
  readonly selected: number;
}

/** Who governs what. */
export interface Assignment {
  /** By node name. A node that no config selects is missing. */
  readonly winners: ReadonlyMap<string, ProxyConfig>;
  /** By config name; every config that is not being deleted is there. */
  readonly shares: ReadonlyMap<string, Share>;
}

/**
 * Exactly one ProxyConfig governs a node: of those that select it the one of highest priority, of equal ones the
 * oldest, then the first by name. Configs that are being deleted no longer count. The order of the inputs is of no
 * consequence.
 */
export function assignNodes(configs: Iterable<ProxyConfig>, nodes: Iterable<NodeInfo>): Assignment {
  const ranked = [...configs].filter(({ metadata }) => metadata.deletionTimestamp === undefined).sort(byRank);
  const shares = new Map(ranked.map(({ metadata }) => [metadata.name, { won: [] as NodeInfo[], selected: 0 }]));
  const winners = new Map<string, ProxyConfig>();
  for (const node of nodes) {
    const candidates = ranked.filter(({ spec }) => selects(spec.nodeSelector, node.labels));
    candidates.forEach(({ metadata }, rank) => {
      const share = shares.get(metadata.name);
      if (share === undefined) return;
      share.selected++;
      if (rank === 0) share.won.push(node);
    });
    if (candidates[0]) winners.set(node.name, candidates[0]);
  }
  return { winners, shares };
}

function byRank(a: ProxyConfig, b: ProxyConfig): number {
  const priority = (b.spec.priority ?? defaultPriority) - (a.spec.priority ?? defaultPriority);
  if (priority !== 0) return priority;
  const [older, younger] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (older !== younger) return older < younger ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
