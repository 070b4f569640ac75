import type { Endpoint, ServicePort } from '../../services/index.ts';
import { loadUnit } from '../data-plane.ts';
import type { LoadWeights } from '../data-plane.ts';
import { loadSlots, loadTable } from './load-table.ts';
import { endpointName, maglevRows, maglevSlots, slotCounts, weightedTable } from './slots.ts';
import type { SlotTable } from './slots.ts';

/** The slots by which a Service port's algorithm spreads new connections over `endpoints`. */
export function slotsOf(port: ServicePort, endpoints: readonly Endpoint[], weights?: LoadWeights): SlotTable {
  const { algorithm, maglevTableSize } = port;
  if (algorithm === 'maglev' && maglevTableSize !== undefined) return maglevSlots(endpoints, maglevTableSize);
  if (algorithm !== 'least-connections') return weightedTable(endpoints);
  // An endpoint that is new since the last look at the load counts as one of average load.
  return loadTable(endpoints, (endpoint) => endpoint.weight * (weights?.get(endpointName(endpoint)) ?? loadUnit));
}

/** How many slots `slotsOf` would give, without making them. */
export function slotCount({ algorithm, maglevTableSize }: ServicePort, endpoints: readonly Endpoint[]): number {
  let active = 0;
  let even = true;
  for (const { weight } of endpoints) {
    if (weight > 0) active++;
    if (weight !== 1) even = false;
  }
  if (active === 0) return 0;
  if (algorithm === 'maglev' && maglevTableSize !== undefined) return maglevRows(active, maglevTableSize);
  if (algorithm === 'least-connections') return loadSlots(active);
  if (even) return active;
  return slotCounts(endpoints.map(({ weight }) => weight)).reduce((sum, count) => sum + count, 0);
}
