import { maglevTableSizes } from '../../api/index.ts';
import type { Endpoint } from '../../services/index.ts';
import { maglevTable } from './maglev.ts';

/**
 * Slot tables: an endpoint is chosen by a number 0..n-1 that the kernel draws or hashes, so an endpoint's share is
 * the number of slots that name it. The order is canonical (endpoints come sorted), so every node, and every restart,
 * makes the same table from the same endpoints.
 */
export type SlotTable = readonly Endpoint[];

/** An endpoint by name: the same on all nodes. */
export function endpointName({ address, port }: Pick<Endpoint, 'address' | 'port'>): string {
  return `${address}:${port}`;
}

/**
 * Most slots that weights may expand to (per 64-96 bytes of kernel memory each): for few endpoints, for each of many, and
 * for however many, who share them.
 */
const weightedSlots = { few: 1024, each: 8, most: 8192 } as const;

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * How many slots each weight gets: weights divided by their greatest common divisor; where that is more than `limit`,
 * shares of `limit` by largest remainder, but at least one for every weight above 0. Error of a share: below 1/limit.
 *
 * @param limit by the number of endpoints unless told
 */
export function slotCounts(weights: readonly number[], limit?: number): number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  if (divisor === 0) return weights.map(() => 0);
  const reduced = weights.map((weight) => weight / divisor);
  const total = reduced.reduce((sum, weight) => sum + weight, 0);
  const positive = reduced.filter((weight) => weight > 0).length;
  const { few, each, most } = weightedSlots;
  const capacity = Math.max(limit ?? Math.max(few, Math.min(positive * each, most)), positive);
  return total <= capacity ? reduced : apportion(reduced, total, capacity);
}

/** Largest-remainder apportionment of exactly `capacity` slots, at least one for every positive weight. */
export function apportion(weights: readonly number[], total: number, capacity: number): number[] {
  const quotas = weights.map((weight) => (weight * capacity) / total);
  const counts = quotas.map((quota, index) => ((weights[index] ?? 0) > 0 ? Math.max(1, Math.floor(quota)) : 0));
  let rest = capacity - counts.reduce((sum, count) => sum + count, 0);
  const step = rest >= 0 ? 1 : -1;
  const remainder = (index: number): number => (quotas[index] ?? 0) - (counts[index] ?? 0);
  // Ties go to the lower index, so that all nodes agree.
  const order = [...counts.keys()].sort((a, b) => step * (remainder(b) - remainder(a)) || a - b);
  while (rest !== 0) {
    for (const index of order) {
      if (rest === 0) break;
      const count = counts[index] ?? 0;
      if (step > 0 ? count === 0 : count <= 1) continue;
      counts[index] = count + step;
      rest -= step;
    }
  }
  return counts;
}

/**
 * A table in which each endpoint has its count of slots, spread out evenly (smooth weighted round robin), so that
 * going through the slots in order interleaves the endpoints as IPVS's wrr does.
 */
export function interleave(endpoints: readonly Endpoint[], counts: readonly number[]): SlotTable {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (counts.every((count) => count <= 1)) {
    return total === endpoints.length ? endpoints : endpoints.filter((_, index) => counts[index] === 1);
  }
  const credit = counts.map(() => 0);
  const table: Endpoint[] = [];
  while (table.length < total) {
    let richest = 0;
    counts.forEach((count, index) => {
      credit[index] = (credit[index] ?? 0) + count;
      if ((credit[index] ?? 0) > (credit[richest] ?? 0)) richest = index;
    });
    credit[richest] = (credit[richest] ?? 0) - total;
    const next = endpoints[richest];
    if (next) table.push(next);
  }
  return table;
}

/** The table for random, round-robin and source-hash. Endpoints with weight 0 get no slot. */
export function weightedTable(endpoints: readonly Endpoint[]): SlotTable {
  return interleave(endpoints, slotCounts(endpoints.map((endpoint) => endpoint.weight)));
}

/** Rows for each endpoint of a table that had to be taken larger: equal endpoints then differ by a third at most. */
const leastRows = 3;

/**
 * How many rows a Maglev table has: what is configured, as long as there is a row for every endpoint. For more endpoints
 * than that, the smallest size that one can configure with three rows for each; or the largest there is.
 *
 * @param endpoints of positive weight
 */
export function maglevRows(endpoints: number, configured: number): number {
  if (endpoints <= configured) return configured;
  return maglevTableSizes.find((size) => size >= endpoints * leastRows) ?? Math.max(...maglevTableSizes);
}

/**
 * The Maglev table of `configured` slots (a prime), or more (see {@link maglevRows}); empty without endpoints of positive
 * weight. With more of them than the largest table has rows, those beyond get none.
 */
export function maglevSlots(endpoints: readonly Endpoint[], configured: number): SlotTable {
  const active = endpoints.filter((endpoint) => endpoint.weight > 0);
  const rows = maglevTable(
    active.map((endpoint) => ({ name: endpointName(endpoint), weight: endpoint.weight })),
    maglevRows(active.length, configured),
  );
  return Array.from(rows).flatMap((row) => active[row] ?? []);
}
