import { byRank } from '../../api/index.ts';
import { selects } from '../../kubernetes/index.ts';
import type { CheckedConfig, ClusterNode } from '../cluster/index.ts';

/** What a ProxyConfig has of the cluster's nodes. */
export interface Share {
  /** Nodes that it governs. */
  readonly won: readonly ClusterNode[];
  /** How many nodes it selects, won or not. */
  readonly selected: number;
  /** Names of nodes that it selects and that have no agent (Windows, taints, labels); they are nobody's. */
  readonly unsupported: readonly string[];
  /** Names of nodes that were told it last, and that no config governs any more; they keep it. */
  readonly uncovered: readonly string[];
}

/** Who governs which node. */
export interface Division {
  /** The shares of all configs that are not being deleted, by name. */
  readonly shares: ReadonlyMap<string, Share>;
  /** Names of all nodes that could be governed and are not. */
  readonly uncovered: readonly string[];
}

/**
 * Divides the nodes among the configs. A node goes to the config of highest priority that selects it, of equal ones to
 * the oldest, then to the first by name. The order of the inputs is of no consequence.
 *
 * An invalid config takes no node, and no config of lower rank takes one away that was told an earlier, valid
 * generation of it: a slip of the pen moves nobody. Configs that are being deleted no longer count.
 *
 * @param toldBy name of the config that a node was told last
 * @param runsAgent false for a node on which nothing would carry out what it is told
 */
export function divide(
  configs: Iterable<CheckedConfig>,
  nodes: Iterable<ClusterNode>,
  toldBy: (node: string) => string | undefined,
  runsAgent: (node: ClusterNode) => boolean = () => true,
): Division {
  const order = [...configs]
    .filter(({ config }) => config.metadata.deletionTimestamp === undefined)
    .sort((a, b) => byRank(a.config, b.config));
  const shares = new Map(order.map(({ config }) => [config.metadata.name, new GrowingShare()]));
  const uncovered: string[] = [];
  for (const node of nodes) {
    const told = toldBy(node.name);
    const selecting = order.filter(({ config, errors }) =>
      errors.length > 0 ? config.metadata.name === told : selects(config.spec.nodeSelector, node.labels),
    );
    const candidates = selecting.flatMap(({ config }) => shares.get(config.metadata.name) ?? []);
    for (const share of candidates) share.selected++;
    if (!isLinux(node) || !runsAgent(node)) {
      for (const share of candidates) share.unsupported.push(node.name);
    } else if (candidates[0] !== undefined) {
      candidates[0].won.push(node);
    } else {
      uncovered.push(node.name);
      shares.get(told ?? '')?.uncovered.push(node.name);
    }
  }
  return { shares, uncovered };
}

class GrowingShare implements Share {
  readonly won: ClusterNode[] = [];
  selected = 0;
  readonly unsupported: string[] = [];
  readonly uncovered: string[] = [];
}

/** The agents' DaemonSet is for Linux; a Node that does not say is one that no kubelet has registered. */
function isLinux({ labels }: ClusterNode): boolean {
  return (labels['kubernetes.io/os'] ?? 'linux') === 'linux';
}
