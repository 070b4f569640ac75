import type { ClusterNode } from '../cluster/index.ts';
import { mostUnavailable } from '../rollout/index.ts';
import { admits } from './placement.ts';
import type { Placement } from './placement.ts';

/** The nodes that were told a ProxyConfig, and how many of them may be without an agent because somebody says so. */
export interface Governed {
  readonly config: string;
  /** `spec.rollout.maxUnavailable` of that ProxyConfig. */
  readonly maxUnavailable: number | string;
  readonly nodes: readonly ClusterNode[];
}

/** Where agents run, and where they are to go and do not. */
export interface Narrowing {
  readonly placement: Placement;
  /** Names of the nodes that would lose their agents, by ProxyConfig, of those that would lose too many. */
  readonly refused: ReadonlyMap<string, readonly string[]>;
}

/**
 * Where agents run next. A DaemonSet deletes its Pods from all nodes at once that its template no longer admits, and a
 * slip in a toleration or a label can mean all nodes. So what would take the agents from more nodes of a ProxyConfig than
 * may be unavailable, or from all of them, does not happen: where agents run stays as it is, and somebody says why.
 *
 * @param inForce where the DaemonSet runs them now; undefined while there is none
 */
export function narrowed(wanted: Placement, inForce: Placement | undefined, governed: readonly Governed[]): Narrowing {
  if (inForce === undefined) return { placement: wanted, refused: new Map() };
  const refused = new Map(
    governed.flatMap(({ config, maxUnavailable, nodes }) => {
      const had = nodes.filter((node) => admits(inForce, node));
      const lost = had.filter((node) => !admits(wanted, node)).map(({ name }) => name);
      const tooMany = lost.length > mostUnavailable(maxUnavailable, had.length) || lost.length === had.length;
      return lost.length > 0 && tooMany ? [[config, lost.sort()] as const] : [];
    }),
  );
  return { placement: refused.size > 0 ? inForce : wanted, refused };
}
