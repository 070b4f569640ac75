import type { Endpoint } from '../../services/index.ts';
import { apportion, endpointName } from './slots.ts';
import type { SlotTable } from './slots.ts';

/** Slots for each of few endpoints: shares in steps of a sixteenth. */
const mostSlotsEach = 16;
/** Slots for each of many: shares from a quarter of the average in steps of a quarter, which is as far as they go. */
const fewestSlotsEach = 4;
/** Few endpoints have their many slots as long as the table is not larger than this, ... */
const comfortableSlots = 256;
/** ... and many their four as long as it is not larger than this; beyond that they share it. */
const mostSlots = 8192;

/**
 * Slots of a least-connections table with that many endpoints: enough to express weights, few enough that it costs
 * little to follow the load, and the same number while the load moves.
 */
export function loadSlots(endpoints: number): number {
  const wanted = Math.max(comfortableSlots, endpoints * fewestSlotsEach);
  return Math.max(endpoints, Math.min(endpoints * mostSlotsEach, wanted, mostSlots));
}

/**
 * The table for least-connections. Its size depends only on the number of endpoints, so that following the load never
 * needs another chain; and a weight that moves changes few slots, as each endpoint has a place of its own in it.
 *
 * @param weightOf by the present load; asked for endpoints of positive weight only. Their own if left out
 */
export function loadTable(
  endpoints: readonly Endpoint[],
  weightOf: (endpoint: Endpoint) => number = ({ weight }) => weight,
): SlotTable {
  const active = endpoints.filter((endpoint) => endpoint.weight > 0);
  const weights = active.map(weightOf);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return active.length === 0 ? [] : inPlaces(active, apportion(weights, total, loadSlots(active.length)));
}

/** A slot that an endpoint has beyond its own place. */
interface Lodger {
  readonly endpoint: Endpoint;
  readonly hash: number;
}

/**
 * A table of equal places, one run of slots per endpoint. An endpoint with a smaller count leaves the end of its place
 * to those whose count is larger. Who lodges where is decided by hashes: a slot more or less moves a few lodgers, not
 * all that come after it. The order tells nothing: it is for random draws.
 */
function inPlaces(endpoints: readonly Endpoint[], counts: readonly number[]): SlotTable {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const place = Math.floor(total / endpoints.length);
  const table = new Array<Endpoint | undefined>(total).fill(undefined);
  const lodgers: Lodger[] = [];
  for (const [owner, endpoint] of endpoints.entries()) {
    const count = counts[owner] ?? 0;
    table.fill(endpoint, owner * place, owner * place + Math.min(place, count));
    if (count <= place) continue;
    const name = hashOf(endpointName(endpoint));
    for (let extra = place; extra < count; extra++) lodgers.push({ endpoint, hash: mix(name + extra) });
  }
  // Of equal hashes the order of the endpoints decides, which is the same on all nodes.
  for (const { endpoint, hash } of lodgers.toSorted((a, b) => a.hash - b.hash)) {
    const step = stepFrom(mix(hash), total);
    let slot = hash % total;
    while (table[slot] !== undefined) slot = (slot + step) % total;
    table[slot] = endpoint;
  }
  return table.filter((endpoint) => endpoint !== undefined);
}

/** A step that leads through all slots: without a divisor in common with their number. */
function stepFrom(hash: number, total: number): number {
  if (total < 3) return 1;
  let step = (hash % (total - 1)) + 1;
  while (haveCommonDivisor(step, total)) step = (step % (total - 1)) + 1;
  return step;
}

function haveCommonDivisor(a: number, b: number): boolean {
  return b === 0 ? a > 1 : haveCommonDivisor(b, a % b);
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** The finalizer of MurmurHash3: every bit depends on every other. */
function mix(number: number): number {
  let hash = number | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
