/*
 * What instrumented code (instrument.ts) tells while it runs: which edges it took and how often, what it compared with
 * what, and that it has taken too many steps.
 */

/** Name under which instrumented code finds its recorder on `globalThis`. */
export const recorderName = 'nftproxyFuzzRecorder';

/** A comparison that came out unequal. */
export type Comparison = readonly [left: string | number, right: string | number];

/** A run took more steps than its input may cost: it loops, or its cost grows faster than its input. */
export class TooManySteps extends Error {
  override readonly name = 'TooManySteps';
}

/** Comparisons that are kept of one run. */
const mostComparisons = 64;
/** Longer texts are hardly part of an input. */
const longestText = 64;

/** What one run of a target did. */
export class Recorder {
  /** How often each edge was taken; those that were are in `taken`. */
  readonly counts: Uint32Array;
  readonly taken: number[] = [];
  readonly comparisons: Comparison[] = [];
  /** The run was stopped; whoever caught that has hidden it. */
  exhausted = false;
  #steps = Number.POSITIVE_INFINITY;

  /** @param edges how many the instrumented program has */
  constructor(edges: number) {
    this.counts = new Uint32Array(edges);
  }

  /** Forgets the run before. After so many edges the next one is stopped with {@link TooManySteps}. */
  begin(steps: number): void {
    for (const edge of this.taken) this.counts[edge] = 0;
    this.taken.length = 0;
    this.comparisons.length = 0;
    this.exhausted = false;
    this.#steps = steps;
  }

  /** Called by instrumented code at the beginning of every branch. */
  readonly edge = (edge: number): void => {
    const count = this.counts[edge] ?? 0;
    this.counts[edge] = count + 1;
    if (count === 0) this.taken.push(edge);
    if (--this.#steps > 0) return;
    this.exhausted = true;
    throw new TooManySteps('too many steps for an input of this size');
  };

  /** Called in place of `===` and `==`, and negated of `!==` and `!=`. */
  readonly same = (left: unknown, right: unknown, isLoose: boolean): boolean => {
    if (left === right) return true;
    if (this.comparisons.length < mostComparisons && isWorthKeeping(left) && isWorthKeeping(right))
      this.comparisons.push([left, right]);
    // `==` of the code under test is what is to be found out about.
    // eslint-disable-next-line eqeqeq
    return isLoose && left == right;
  };
}

function isWorthKeeping(value: unknown): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && value !== '' && value.length <= longestText);
}

/** A bit for how often an edge was taken: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more. */
function bucketOf(count: number): number {
  if (count <= 3) return 1 << (count - 1);
  if (count <= 15) return count <= 7 ? 8 : 16;
  if (count <= 127) return count <= 31 ? 32 : 64;
  return 128;
}

/** Everything that runs have reached so far. */
export class Reached {
  readonly #buckets = new Map<number, number>();

  /** Takes in what a run has done. True if there was something new: an edge, or an edge as often as never before. */
  add({ taken, counts }: Recorder): boolean {
    let isNew = false;
    for (const edge of taken) {
      const before = this.#buckets.get(edge) ?? 0;
      const bucket = bucketOf(counts[edge] ?? 0);
      if ((before & bucket) !== 0) continue;
      this.#buckets.set(edge, before | bucket);
      isNew = true;
    }
    return isNew;
  }

  /** The edges that were taken at least once. */
  get edges(): ReadonlySet<number> {
    return new Set(this.#buckets.keys());
  }
}
