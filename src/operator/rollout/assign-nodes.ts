import { defaultPriority } from '../../api/index.ts';
import type { ProxyConfig } from '../../api/index.ts';
import { selects } from '../../kubernetes/index.ts';
import type { ClusterNode } from '../cluster/index.ts';

/** Which nodes a ProxyConfig governs, and how many it selects, won or not. */
export interface Share {
  readonly won: readonly ClusterNode[];
  readonly selected: number;
}

/**
 * The ProxyConfig that governs a node: of those that select it the one of highest priority, of equal ones the oldest,
 * then the first by name. Configs that are being deleted no longer count. The order of the inputs is of no consequence.
 *
 * Costs as much as there are configs, so that a change of one node of thousands costs no more than that.
 */
export function winnerOf(configs: Iterable<ProxyConfig>, node: ClusterNode): ProxyConfig | undefined {
  return ranked(configs).find(({ spec }) => selects(spec.nodeSelector, node.labels));
}

/** The shares of all configs that are not being deleted, by name, as `winnerOf` divides the nodes. */
export function sharesOf(configs: Iterable<ProxyConfig>, nodes: Iterable<ClusterNode>): ReadonlyMap<string, Share> {
  const order = ranked(configs);
  const shares = new Map(order.map(({ metadata }) => [metadata.name, { won: [] as ClusterNode[], selected: 0 }]));
  for (const node of nodes) {
    const candidates = order.filter(({ spec }) => selects(spec.nodeSelector, node.labels));
    candidates.forEach(({ metadata }, rank) => {
      const share = shares.get(metadata.name);
      if (share === undefined) return;
      share.selected++;
      if (rank === 0) share.won.push(node);
    });
  }
  return shares;
}

function ranked(configs: Iterable<ProxyConfig>): ProxyConfig[] {
  return [...configs].filter(({ metadata }) => metadata.deletionTimestamp === undefined).sort(byRank);
}

function byRank(a: ProxyConfig, b: ProxyConfig): number {
  const priority = (b.spec.priority ?? defaultPriority) - (a.spec.priority ?? defaultPriority);
  if (priority !== 0) return priority;
  const [older, younger] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (older !== younger) return older < younger ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
