import type { ProxyConfig, ProxyNodeState } from '../api/index.ts';
import { busiestOf } from './busiest.ts';
import type { BusyServicePort } from './busiest.ts';
import { changesOf } from './changes.ts';
import type { Change } from './changes.ts';
import { configOverview } from './config.ts';
import type { ConfigOverview } from './config.ts';
import { groupsOf } from './node-groups.ts';
import type { NodeGroup } from './node-groups.ts';

/** What `kubectl get nftpc,nftps` has, at once. */
export interface ClusterObjects {
  readonly configs: readonly ProxyConfig[];
  readonly nodes: readonly ProxyNodeState[];
}

/** What people want to see at once. Its size does not depend on how many nodes there are. */
export interface Overview {
  /** As of when, RFC 3339, UTC. */
  readonly at: string;
  /** By name. */
  readonly configs: readonly ConfigOverview[];
  /** Nodes that were ever told something, in all. */
  readonly nodeCount: number;
  /** Worst first. */
  readonly nodeGroups: readonly NodeGroup[];
  /** Most new connections first; empty while no node has reported any. */
  readonly busiest: readonly BusyServicePort[];
  /** Newest first. */
  readonly changes: readonly Change[];
}

/** Works it out. */
export function overviewOf({ configs, nodes }: ClusterObjects, now: Date): Overview {
  return {
    at: now.toISOString(),
    configs: [...configs].sort(byName).map(configOverview),
    nodeCount: nodes.length,
    nodeGroups: groupsOf(nodes),
    busiest: busiestOf(nodes, now),
    changes: changesOf(configs, nodes),
  };
}

function byName(a: ProxyConfig, b: ProxyConfig): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
