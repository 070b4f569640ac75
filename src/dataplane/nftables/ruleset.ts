import type { SetDefinition } from '../../nftables/index.ts';
import type { NodeSettings } from './node-elements.ts';
import type { DesiredPort } from './plan.ts';
import { renderPickChain } from './endpoint-selection-chains.ts';
import type { PickChain } from './endpoint-selection-chains.ts';
import { affineSets } from './sets.ts';
import { constantChains, learnChain } from './base-chains.ts';
import type { RenderedChain } from './base-chains.ts';

/** Distinct affinity timeouts in use in a family, ascending. */
function affinityTimeouts(ports: readonly DesiredPort[], family: 4 | 6): number[] {
  const seconds = new Set<number>();
  for (const { port } of ports) {
    if (port.family === family && port.affinitySeconds !== undefined) seconds.add(port.affinitySeconds);
  }
  return [...seconds].sort((a, b) => a - b);
}

/** The live sets that session affinity needs for these Service ports, one pair per family and timeout. */
export function wantedAffineSets(ports: Iterable<DesiredPort>): SetDefinition[] {
  const all = [...ports];
  return ([4, 6] as const).flatMap((family) =>
    affinityTimeouts(all, family).flatMap((seconds) => Object.values(affineSets(family, seconds))),
  );
}

/**
 * Every chain the table is to have for these Service ports: the constant ones, those that learn affinity (one pair of
 * rules per timeout), and `picks`, the pick chains that the Service ports' verdicts name.
 */
export function wantedChains(
  node: NodeSettings,
  ports: Iterable<DesiredPort>,
  picks: readonly PickChain[],
): RenderedChain[] {
  const all = [...ports];
  const learn = ([4, 6] as const).map((family) => learnChain(family, affinityTimeouts(all, family)));
  return [...learn, ...constantChains(node), ...picks.map(renderPickChain)];
}
