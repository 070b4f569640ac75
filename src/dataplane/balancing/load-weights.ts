import type { Endpoint } from '../../services/index.ts';
import { loadUnit } from '../data-plane.ts';
import type { LoadWeights } from '../data-plane.ts';
import { endpointName } from './slots.ts';

/** Farthest that a share may go from the average, as a factor. */
const most = 4;
/**
 * Connections that everybody is taken to have anyhow. Of two endpoints with one open connection and with two neither is
 * busy; without this one would be sent twice as many as the other, by chance alone, and the other way round next time.
 */
const unremarkable = 4;

/**
 * Shares that send new connections to where fewer are open: inverse to the open connections per weight, and never more
 * than a factor of 4 from the average. Not "all to the one with the least": counts are seconds old, and everybody would
 * run to the same endpoint (measured: worse than random).
 */
export function loadWeights(endpoints: readonly Endpoint[], open: (endpoint: Endpoint) => number): LoadWeights {
  const active = endpoints.filter((endpoint) => endpoint.weight > 0);
  const meanWeight = meanOf(active.map((endpoint) => endpoint.weight));
  const load = active.map((endpoint) => unremarkable + (open(endpoint) * meanWeight) / endpoint.weight);
  const average = meanOf(load);
  return new Map(
    active.map((endpoint, index) => {
      const factor = Math.min(most, Math.max(1 / most, average / (load[index] ?? average)));
      return [endpointName(endpoint), Math.round(loadUnit * factor)] as const;
    }),
  );
}

/**
 * Open connections as the weights are to see them. What differs from the last look by no more than chance is evened out;
 * what differs by more is taken as it is, at once.
 *
 * @param before what this function said at the last look; undefined at the first
 */
export function evenOut(before: number | undefined, open: number): number {
  if (before === undefined) return open;
  // Twice the standard deviation of a number that is due to chance (Poisson).
  const chance = 1 + 2 * Math.sqrt(before);
  return Math.abs(open - before) > chance ? open : (before + open) / 2;
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}
