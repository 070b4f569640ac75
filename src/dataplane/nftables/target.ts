import type { Element, SetDefinition } from '../../nftables/index.ts';
import type { DesiredPort, NodeSettings } from '../data-plane.ts';
import type { RenderedChain } from './base-chains.ts';
import { constantChains } from './constant-chains.ts';
import { nodeElements } from './node-elements.ts';
import { TableState } from './plan.ts';
import type { Plan } from './plan.ts';
import { constantSets } from './sets.ts';

/** The whole table as it is to be. */
export interface Target {
  /** Holds the Service ports once the plan is accepted. */
  readonly state: TableState;
  readonly plan: Plan;
  /** But for those of rooms. */
  readonly elements: readonly Element[];
  readonly sets: readonly SetDefinition[];
  readonly chains: readonly RenderedChain[];
  /** Connections of Services take the fast path. */
  readonly fastPath: boolean;
}

/**
 * Everything the table is to hold for these Service ports and this node. Pure.
 *
 * @param crowded rooms in which very many clients are remembered
 */
export function targetOf(
  ports: ReadonlyMap<string, DesiredPort>,
  node: NodeSettings,
  crowded: Iterable<string>,
): Target {
  const state = new TableState(crowded, node.fastPath);
  const plan = state.plan(ports);
  return {
    state,
    plan,
    elements: [...plan.adds, ...nodeElements(node)],
    sets: constantSets(node),
    chains: constantChains(node),
    fastPath: node.fastPath === true,
  };
}
