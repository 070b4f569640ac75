import type { Element, SetDefinition } from '../../nftables/index.ts';
import type { DesiredPort, NodeSettings } from '../data-plane.ts';
import { constantChains, learnChain } from './base-chains.ts';
import type { RenderedChain } from './base-chains.ts';
import { renderSelectionChain } from './endpoint-selection-chains.ts';
import { nodeElements } from './node-elements.ts';
import { TableState } from './plan.ts';
import type { Plan } from './plan.ts';
import { affineSets, affineTimeoutsOf, constantSets } from './sets.ts';

/** The whole table as it is to be. */
export interface Target {
  /** Holds the Service ports once the plan is accepted. */
  readonly state: TableState;
  readonly plan: Plan;
  readonly elements: readonly Element[];
  readonly sets: readonly SetDefinition[];
  readonly chains: readonly RenderedChain[];
}

const families = [4, 6] as const;

/** Everything the table is to hold for these Service ports and this node. Pure. */
export function targetOf(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Target {
  const state = new TableState();
  const plan = state.plan(ports);
  const timeouts = affinityTimeouts(ports.values());
  return {
    state,
    plan,
    elements: [...plan.adds, ...nodeElements(node)],
    sets: [...constantSets(), ...timeouts.flatMap(([family, seconds]) => Object.values(affineSets(family, seconds)))],
    chains: [
      ...families.map((family) =>
        learnChain(
          family,
          timeouts.flatMap(([of, seconds]) => (of === family ? seconds : [])),
        ),
      ),
      ...constantChains(node),
      ...plan.chains.map(renderSelectionChain),
    ],
  };
}

/** Distinct affinity timeouts by family, ascending. */
function affinityTimeouts(ports: Iterable<DesiredPort>): (readonly [4 | 6, number])[] {
  const seconds = { 4: new Set<number>(), 6: new Set<number>() };
  for (const { port } of ports) if (port.affinitySeconds !== undefined) seconds[port.family].add(port.affinitySeconds);
  return families.flatMap((family) =>
    [...seconds[family]].sort((a, b) => a - b).map((each) => [family, each] as const),
  );
}

/** Sets and learning rules for the affinity timeouts of these Service ports, as far as `present` sets lack them. */
export function missingAffinity(
  ports: Iterable<DesiredPort>,
  present: ReadonlySet<string>,
): { sets: SetDefinition[]; chains: RenderedChain[] } {
  const sets = affinityTimeouts(ports).flatMap(([family, seconds]) => Object.values(affineSets(family, seconds)));
  const missing = sets.filter(({ name }) => !present.has(name));
  const names = [...present, ...missing.map(({ name }) => name)];
  const chains = families
    .filter((family) => missing.some(({ key }) => key.includes(family === 4 ? 'ipv4_addr' : 'ipv6_addr')))
    .map((family) => learnChain(family, affineTimeoutsOf(names, family)));
  return { sets: missing, chains };
}
