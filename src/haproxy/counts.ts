import { numberIn, readTable } from './cli-socket.ts';
import { readLatencies, sectionId } from './latency.ts';
import type { Latencies } from './latency.ts';
import { parseSectionName } from './section.ts';

/** Answers by the first digit of their status. */
export const answerClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
export type Answers = Readonly<Record<(typeof answerClasses)[number], number>>;

/** What a section of HTTP has answered since its worker was started. */
export interface SectionCounts {
  readonly answers: Answers;
  /** Undefined: it has passed on no answer yet. */
  readonly latencies: Latencies | undefined;
}

/** What each section of HTTP has answered, by its name, of a worker's answers to `show table` and `show stat` (frontends). */
export function readCounts(o: { latencies: string; frontends: string }): Map<string, SectionCounts> {
  const latencies = readLatencies(o.latencies);
  const found = new Map<string, SectionCounts>();
  for (const row of readTable(o.frontends, ',')) {
    const name = row.get('pxname') ?? '';
    const section = parseSectionName(name);
    if (!section || section.kind.protocol === 'tcp') continue;
    found.set(name, { answers: answersOf(row), latencies: latencies.get(sectionId(section)) });
  }
  return found;
}

function answersOf(row: ReadonlyMap<string, string>): Answers {
  const number = (name: string) => numberIn(row, name);
  return {
    ...{ '1xx': number('hrsp_1xx'), '2xx': number('hrsp_2xx'), '3xx': number('hrsp_3xx') },
    ...{ '4xx': number('hrsp_4xx'), '5xx': number('hrsp_5xx') },
  };
}
