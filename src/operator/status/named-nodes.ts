import { maximumNamedNodes } from '../../api/index.ts';
import type { FailedNode, NamedNode } from '../../api/index.ts';
import type { ConfigPlan, NodeProgress, Progress } from '../rollout/index.ts';

/** The nodes that a status names, by what is to be said of them; of each sort at most {@link maximumNamedNodes}. */
export interface NamedNodes {
  readonly failedNodes: readonly FailedNode[];
  readonly silentNodes: readonly NamedNode[];
  readonly pendingNodes: readonly NamedNode[];
  readonly uncoveredNodes: readonly NamedNode[];
}

const advice = 'mend the nodeSelector of a ProxyConfig, or create one';
/** What becomes of nodes that no config governs any more. */
const fates = {
  Keep: { reason: 'NoGoverningConfig', message: `goes on with what this ProxyConfig said last: ${advice}` },
  Cleanup: { reason: 'CleanupPending', message: `its rules are removed in its turn (onDelete: Cleanup): ${advice}` },
};

/**
 * @param stopping those that have stopped the rollout, in place of those that fail now; undefined if none have
 */
export function namedNodes(
  nodes: readonly NodeProgress[],
  { share, checked }: Pick<ConfigPlan, 'share' | 'checked'>,
  stopping: readonly FailedNode[] | undefined,
): NamedNodes {
  const of = (progress: Progress): NamedNode[] =>
    some(nodes.flatMap((node) => (node.progress === progress && node.why !== undefined ? [node.why] : [])));
  return {
    failedNodes: stopping === undefined ? of('failed') : stopping.slice(0, maximumNamedNodes),
    silentNodes: of('silent'),
    pendingNodes: of('pending'),
    uncoveredNodes: some(share.uncovered.map((name) => ({ name, ...fates[checked.config.spec.onDelete ?? 'Keep'] }))),
  };
}

/** The first by name, so that the same ones are named as long as nothing changes. */
function some(nodes: NamedNode[]): NamedNode[] {
  return nodes.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, maximumNamedNodes);
}
