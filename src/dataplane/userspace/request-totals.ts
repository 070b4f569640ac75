import { answerClasses, latencyBounds } from '../../haproxy/index.ts';
import type { Answers, Latencies, SectionCounts } from '../../haproxy/index.ts';

/** What was answered for a Service port. */
export interface RequestTotal {
  readonly answers: Answers;
  readonly latencies: Latencies;
}

interface Total {
  readonly answers: Record<keyof Answers, number>;
  readonly latencies: { readonly counts: number[]; readonly sums: number[] };
}

/**
 * What the workers of HAProxy have answered together, by Service port, since this was made: each worker counts from 0, and a
 * Service port may get another section. No total ever gets less.
 */
export class RequestTotals {
  readonly #totals = new Map<string, Total>();

  /** By the ids of Service ports. */
  get all(): ReadonlyMap<string, RequestTotal> {
    return this.#totals;
  }

  /** Adds what a section of a worker has answered for a Service port since it was read before. */
  add(id: string, before: SectionCounts | undefined, now: SectionCounts): void {
    const { answers, latencies } = this.#of(id);
    for (const each of answerClasses) answers[each] += grown(before?.answers[each], now.answers[each]);
    for (const what of ['counts', 'sums'] as const) {
      for (const [at, value] of (now.latencies?.[what] ?? []).entries()) {
        latencies[what][at] = (latencies[what][at] ?? 0) + grown32(before?.latencies?.[what][at], value);
      }
    }
  }

  /** Drops Service ports that are gone. */
  forget(ids: Iterable<string>): void {
    for (const id of ids) this.#totals.delete(id);
  }

  #of(id: string): Total {
    const present = this.#totals.get(id);
    if (present) return present;
    const none = Array<number>(latencyBounds.length + 1).fill(0);
    const latencies = { counts: [...none], sums: [...none] };
    const total = { answers: { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 }, latencies };
    this.#totals.set(id, total);
    return total;
  }
}

/** What a counter has counted since it was read before. It is lower if somebody has cleared it. */
function grown(before = 0, now: number): number {
  return now >= before ? now - before : now;
}

/** The same of a counter with 32 bits, which begins again at 0: then it is lower by far more. */
function grown32(before = 0, now: number): number {
  return before - now > 2 ** 31 ? now + 2 ** 32 - before : grown(before, now);
}
