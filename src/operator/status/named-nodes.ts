import { maximumNamedNodes } from '../../api/index.ts';
import type { FailedNode, NamedNode } from '../../api/index.ts';
import type { NodeProgress, Progress } from '../rollout/index.ts';

/** The nodes that a status names, by what is to be said of them; of each sort at most {@link maximumNamedNodes}. */
export interface NamedNodes {
  readonly failedNodes: readonly FailedNode[];
  readonly silentNodes: readonly NamedNode[];
  readonly pendingNodes: readonly NamedNode[];
  readonly uncoveredNodes: readonly NamedNode[];
}

const goesOn = 'goes on with what this ProxyConfig said last: mend the nodeSelector of a ProxyConfig, or create one';

/**
 * @param uncovered names of nodes that no config governs any more
 * @param stopping those that have stopped the rollout, in place of those that fail now; undefined if none have
 */
export function namedNodes(
  nodes: readonly NodeProgress[],
  uncovered: readonly string[],
  stopping: readonly FailedNode[] | undefined,
): NamedNodes {
  const of = (progress: Progress): NamedNode[] =>
    some(nodes.flatMap((node) => (node.progress === progress && node.why !== undefined ? [node.why] : [])));
  return {
    failedNodes: stopping === undefined ? of('failed') : stopping.slice(0, maximumNamedNodes),
    silentNodes: of('silent'),
    pendingNodes: of('pending'),
    uncoveredNodes: some(uncovered.map((name) => ({ name, reason: 'NoGoverningConfig', message: goesOn }))),
  };
}

/** The first by name, so that the same ones are named as long as nothing changes. */
function some(nodes: NamedNode[]): NamedNode[] {
  return nodes.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, maximumNamedNodes);
}
