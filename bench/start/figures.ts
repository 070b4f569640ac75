import { median, percentile } from '../scale/statistics.ts';
import type { Size } from '../scale/objects.ts';
import { changesPerSecond } from './one-start.ts';
import type { Changes, Churn, Start } from './one-start.ts';

/** All starts at one size, by candidate. */
export interface Comparison {
  readonly size: Size;
  readonly loads: readonly string[];
  readonly starts: Readonly<Record<string, readonly Start[]>>;
}

/** What of the starts of one candidate is compared; undefined where it was not measured. */
export interface Figure {
  readonly what: string;
  readonly of: (starts: readonly Start[]) => number | undefined;
}

function ofAll(what: string, value: (start: Start) => number): Figure {
  return { what, of: (starts) => median(starts.map(value)) };
}

function ofChanges(what: string, value: (changes: Changes) => number): Figure {
  return { what, of: (starts) => starts.flatMap(({ changes }) => (changes ? [value(changes)] : []))[0] };
}

function ofChurn(what: string, value: (churn: Churn) => number): Figure {
  return { what, of: (starts) => starts.flatMap(({ changes }) => (changes?.churn ? [value(changes.churn)] : []))[0] };
}

/** Medians of all starts, and what was measured after the last one. */
export const figures: readonly Figure[] = [
  ofAll('process start → all in the kernel, ms', ({ complete }) => complete),
  ofAll('processor time until then, ms', ({ processor }) => processor),
  ofAll('memory at rest, MB', ({ rest }) => rest),
  ofAll('memory, most until then, MB', ({ peak }) => peak),
  ofAll('most ÷ at rest', ({ peak, rest }) => peak / rest),
  { what: 'process start → adopted after SIGKILL, ms', of: (starts) => starts.at(-1)?.restart },
  ofChanges('one change, quiet, p50, ms', ({ quiet }) => median(quiet)),
  ofChanges('one change, quiet, p99, ms', ({ quiet }) => percentile(quiet, 0.99)),
  ofChurn(`one of ${changesPerSecond} changes/s, p50, ms`, ({ latencies }) => median(latencies)),
  ofChurn(`one of ${changesPerSecond} changes/s, p99, ms`, ({ latencies }) => percentile(latencies, 0.99)),
  ofChurn(`share of a core at ${changesPerSecond} changes/s, %`, ({ core }) => 100 * core),
];
