import type { Endpoint, ServicePort } from '../../services/index.ts';
import { loadUnit } from '../data-plane.ts';
import type { LoadWeights } from '../data-plane.ts';
import { loadTable, maglevSlots, weightedTable } from './slots.ts';
import type { SlotTable } from './slots.ts';

/** The slots by which a Service port's algorithm spreads new connections over `endpoints`. */
export function slotsOf(port: ServicePort, endpoints: readonly Endpoint[], weights?: LoadWeights): SlotTable {
  const weighed = weights ? endpoints.map((endpoint) => withLoadWeight(endpoint, weights)) : endpoints;
  const { algorithm, maglevTableSize } = port;
  if (algorithm === 'maglev' && maglevTableSize !== undefined) return maglevSlots(weighed, maglevTableSize);
  return algorithm === 'least-connections' ? loadTable(weighed) : weightedTable(weighed);
}

/** An endpoint that is new since the last look at the load counts as one of average load. */
function withLoadWeight(endpoint: Endpoint, weights: LoadWeights): Endpoint {
  if (endpoint.weight === 0) return endpoint;
  const weight = weights.get(`${endpoint.address}:${endpoint.port}`) ?? endpoint.weight * loadUnit;
  return { ...endpoint, weight };
}
