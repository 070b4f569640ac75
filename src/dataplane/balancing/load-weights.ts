import type { Endpoint } from '../../services/index.ts';
import { loadUnit } from '../data-plane.ts';
import type { LoadWeights } from '../data-plane.ts';

/** Farthest that a weight may go from the average, as a factor. */
const most = 4;

/**
 * Weights that send new connections to where fewer are open: inverse to the open connections per unit of weight, and
 * never more than a factor of 4 from the average. Not "all to the one with the least": counts are seconds old, and
 * everybody would run to the same endpoint (measured: worse than random).
 */
export function loadWeights(endpoints: readonly Endpoint[], open: (endpoint: Endpoint) => number): LoadWeights {
  const active = endpoints.filter((endpoint) => endpoint.weight > 0);
  const load = active.map((endpoint) => (1 + open(endpoint)) / endpoint.weight);
  const average = load.reduce((sum, one) => sum + one, 0) / active.length;
  return new Map(
    active.map((endpoint, index) => {
      const factor = Math.min(most, Math.max(1 / most, average / (load[index] ?? average)));
      return [
        `${endpoint.address}:${endpoint.port}`,
        Math.max(1, Math.round(loadUnit * endpoint.weight * factor)),
      ] as const;
    }),
  );
}
