import type { Section } from './section.ts';

type Named = Pick<Section, 'kind' | 'number'>;

/*
 * HAProxy itself counts how long answers take, in a table with a row for each bucket of each section of HTTP: how many, and the
 * sum of their times. Nothing leaves the process with a request.
 */

/**
 * Upper bounds of the buckets in seconds, each with what is equal to it. Those of Prometheus' clients, and two below, as an
 * endpoint of the same cluster often answers within less than 5 ms.
 */
export const latencyBounds: readonly number[] = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
  ...[0.25, 0.5, 1, 2.5, 5, 10],
];

/**
 * How long the answers of a section took, as a worker has counted them: for each of {@link latencyBounds}, without those below, and
 * for what took longer than all. Counters have 32 bits, and begin again at 0.
 */
export interface Latencies {
  readonly counts: readonly number[];
  /** Of the times, in {@link latencyUnitsPerSecond}. */
  readonly sums: readonly number[];
}

/** Sums are in tenths of a millisecond: in microseconds they would begin again after 72 minutes of waiting, so after five days. */
export const latencyUnitsPerSecond = 10_000;
const unitMicroseconds = 1e6 / latencyUnitsPerSecond;

const peers = 'nftproxy';
const table = `${peers}/latencies`;
const variable = 'txn.latency';
/** Of a section, one for each bucket. */
const rows = latencyBounds.length + 1;

/** The file that says which bucket an answer belongs to. HAProxy reads it with its configuration, from the same folder. */
export const latencyMapFile = 'latencies.map';

/** Asks for what {@link readLatencies} reads. */
export const latenciesCommand = `show table ${table}`;

/** Identifies a section to HAProxy as a number; no two have the same. */
export function sectionId({ kind, number }: Named): number {
  return 1 + 2 * number + (kind.family === 6 ? 1 : 0);
}

/** What is in {@link latencyMapFile}: microseconds, and the bucket's number. The other way to choose a counter is a rule for each. */
export function latencyMapText(): string {
  const lines = latencyBounds.map((bound, at) => `${firstOf(at)}:${microseconds(bound)} ${at}`);
  return `${[...lines, `${firstOf(latencyBounds.length)}: ${latencyBounds.length}`].join('\n')}\n`;
}

/** The table, with room for so many sections: from a full one rows would be thrown out. */
export function latencyTableLines(sections: number): string[] {
  return [
    // A worker that was replaced empties the tables of backends once a second, though it counts on. Those of peers it keeps.
    `peers ${peers}`,
    // There are none: a former worker would write its own numbers over those of the next one.
    '  disabled',
    `  table latencies type integer size ${Math.max(sections, 1) * rows} store gpc(2)`,
  ];
}

/**
 * What a section of HTTP counts: from when a request's headers are there until those of its answer are, with the wait for a
 * connection and with what was tried in vain. Answers that HAProxy gives itself are not counted.
 *
 * @param directory of {@link latencyMapFile}, as HAProxy sees it
 */
export function latencyRules(section: Named, directory: string): string[] {
  // No bucket has what is negative, of a clock that was set back: then there is no row, and nothing is counted.
  const row = `var(${variable}),map_int_int(${directory}/${latencyMapFile}),add(${sectionId(section) * rows})`;
  return [
    // HAProxy's own timers have milliseconds, too coarse for what takes one or two.
    `  http-request set-var(${variable}) date(0,us)`,
    `  http-response set-var(${variable}) date(0,us),sub(${variable})`,
    `  http-response track-sc0 ${row} table ${table}`,
    '  http-response sc-inc-gpc(0,0)',
    // Rounded to the nearest, so that a mean is not too low.
    `  http-response sc-add-gpc(1,0) var(${variable}),add(${unitMicroseconds / 2}),div(${unitMicroseconds})`,
  ];
}

/** What a worker has counted, by {@link sectionId}; sections that have not answered yet are missing. */
export function readLatencies(answer: string): Map<number, Latencies> {
  const found = new Map<number, { counts: number[]; sums: number[] }>();
  for (const [, key, count, sum] of answer.matchAll(/^0x\S+: key=(\d{1,15}) .*gpc0=(\d{1,10}) gpc1=(\d{1,10})$/gm)) {
    const [id, bucket] = [Math.floor(Number(key) / rows), Number(key) % rows];
    const section = found.get(id) ?? { counts: Array<number>(rows).fill(0), sums: Array<number>(rows).fill(0) };
    section.counts[bucket] = Number(count);
    section.sums[bucket] = Number(sum);
    found.set(id, section);
  }
  return found;
}

/** The lowest number of microseconds that belongs to a bucket. */
function firstOf(bucket: number): number {
  const below = latencyBounds[bucket - 1];
  return below === undefined ? 0 : microseconds(below) + 1;
}

function microseconds(seconds: number): number {
  return Math.round(seconds * 1e6);
}
