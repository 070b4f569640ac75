import { conditionOf } from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';
import type { ClusterNode } from '../cluster/index.ts';

/**
 * The node whose agent writes the Events on Services and EndpointSlices, in which all agents see the same: five thousand
 * that write them at once are a load for the API server, and no news. It stays the same while its agent works, or while
 * nobody's does; else it is the first by name whose agent does.
 */
export function spokesmanOf(
  nodes: readonly ClusterNode[],
  stateOf: (node: ClusterNode) => ProxyNodeState | undefined,
  current: string | undefined,
): string | undefined {
  const able = nodes.filter((node) => node.ready && isInSync(stateOf(node))).map(({ name }) => name);
  if (able.length === 0 || (current !== undefined && able.includes(current))) return current;
  return able.reduce((first, name) => (name < first ? name : first));
}

function isInSync(state: ProxyNodeState | undefined): boolean {
  return state?.spec.cleanup === undefined && conditionOf(state?.status?.conditions, 'Synced')?.status === 'True';
}
