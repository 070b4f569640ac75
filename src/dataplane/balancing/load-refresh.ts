import type { Endpoint, Frontend, ServicePort } from '../../services/index.ts';
import { loadUnit } from '../data-plane.ts';
import type { LoadWeights } from '../data-plane.ts';
import { slotsOf } from './port-slots.ts';
import type { SlotTable } from './slots.ts';

/** Slots, of all Service ports, that one refresh changes: some tens of milliseconds of writing. */
export const mostSlotsPerRefresh = 5000;
/** Slots that are worked out for it at most, of tables old and new: so long the agent does nothing else. */
const mostSlotsCompared = 60_000;
/** A share that is off by less than this factor may be so by chance, and is not worth the writing, ... */
const noticeable = 1.5;
/** ... unless small differences have stayed for long: then those from this factor on. */
const small = 1.1;

/** A Service port that follows the load. */
export interface FollowedPort {
  readonly port: ServicePort;
  /** What is in force; undefined, as well as an endpoint that is not in it, is average load. */
  readonly written: LoadWeights | undefined;
  /** What the present load asks for. */
  readonly wanted: LoadWeights;
  /** Small differences count too: now and then, so that none lasts. */
  readonly thorough: boolean;
}

/** Endpoints of a Service port whose shares are off. */
interface Move {
  readonly followed: FollowedPort;
  /** By name, the farthest off first. */
  readonly endpoints: readonly string[];
  /** How far off the first one is, as a factor. */
  readonly farthest: number;
}

/**
 * The weights to write now, by Service port: those that are noticeably off, the farthest first, and in all no more than
 * `budget` changed slots. What does not fit is off at the next look too, and farther than what has been written now.
 */
export function refreshWeights(
  followed: Iterable<FollowedPort>,
  budget: number = mostSlotsPerRefresh,
): Map<string, LoadWeights> {
  const moves = Array.from(followed, moveOf).filter((move) => move !== undefined);
  moves.sort((a, b) => b.farthest - a.farthest);
  const written = new Map<string, LoadWeights>();
  let left = budget;
  let compared = 0;
  for (const move of moves) {
    if (left === 0 || compared > mostSlotsCompared) break;
    const tables = new PortTables(move.followed);
    // As many of the endpoints as fit, near enough.
    for (let count = move.endpoints.length; count > 0; count >>= 1) {
      const weights = weightsAfter(move, count);
      const slots = tables.changedBy(weights);
      compared += tables.slots;
      if (slots > left) continue;
      left -= slots;
      written.set(move.followed.port.id, weights);
      break;
    }
  }
  return written;
}

/** undefined if nothing is worth writing. */
function moveOf(followed: FollowedPort): Move | undefined {
  const { wanted, written, thorough } = followed;
  const least = thorough ? small : noticeable;
  const off: { name: string; by: number }[] = [];
  for (const [name, weight] of wanted) {
    const present = written?.get(name) ?? loadUnit;
    const by = Math.max(weight / present, present / weight);
    if (by >= least) off.push({ name, by });
  }
  const [farthest] = off.sort((a, b) => b.by - a.by);
  return farthest && { followed, endpoints: off.map(({ name }) => name), farthest: farthest.by };
}

/** The weights when the first `count` of the endpoints have moved, and all others have stayed. */
function weightsAfter({ followed: { written, wanted }, endpoints }: Move, count: number): LoadWeights {
  const weights = new Map([...wanted.keys()].map((name) => [name, written?.get(name) ?? loadUnit]));
  for (const name of endpoints.slice(0, count)) weights.set(name, wanted.get(name) ?? loadUnit);
  return weights;
}

/** The tables of all frontends of a Service port, as they are. */
class PortTables {
  readonly #port: ServicePort;
  /** Those that are equal once, with how many there are. */
  readonly #tables: readonly { endpoints: readonly Endpoint[]; slots: SlotTable; copies: number }[];

  constructor({ port, written }: FollowedPort) {
    const { clusterEndpoints, localEndpoints, frontends, hasAnyEndpoints } = port;
    const copiesOf = (uses: (frontend: Frontend) => boolean): number => frontends.filter(uses).length;
    // Whoever comes from outside to a frontend with policy Local needs both: pods and the host itself reach all endpoints.
    const cluster = copiesOf(({ kind, policy }) => kind !== 'ClusterIP' || policy === 'Cluster');
    const local = copiesOf(({ kind, policy }) => policy === 'Local' && (kind === 'ClusterIP' || hasAnyEndpoints));
    this.#port = port;
    this.#tables = [
      { endpoints: clusterEndpoints, copies: cluster },
      { endpoints: localEndpoints, copies: local },
    ]
      .filter(({ copies }) => copies > 0)
      .map((table) => ({ ...table, slots: slotsOf(port, table.endpoints, written) }));
  }

  /** In all tables that are not equal. */
  get slots(): number {
    return this.#tables.reduce((sum, { slots }) => sum + slots.length, 0);
  }

  /** How many slots other weights change. */
  changedBy(weights: LoadWeights): number {
    let changed = 0;
    for (const { endpoints, slots, copies } of this.#tables) {
      const after = slotsOf(this.#port, endpoints, weights);
      changed += copies * after.filter((endpoint, slot) => slots[slot] !== endpoint).length;
    }
    return changed;
  }
}
