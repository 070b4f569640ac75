import { printable, shorten } from '../api/index.ts';
import type { Problem } from './types.ts';

/**
 * Every reason that this folder gives for not honouring part of an object, with one line on what it means. The list
 * is closed: Events, conditions and docs/reasons.md use these words and no others, and a word keeps its meaning.
 */
export const reasons = {
  FrontendConflict:
    'Another Service has the same address, port and protocol; the older one keeps it, the rest of this Service works.',
  InvalidAddress: 'An IP address is malformed or of the wrong family; it is left out, the others are used.',
  InvalidPort: 'A port number or protocol is impossible or given twice; that port is left out, the others are used.',
  InvalidSourceRange: 'A load-balancer source range is not a CIDR; it admits nobody, the other ranges hold.',
  InvalidValue: 'A field has a value that Kubernetes does not define; the default is used.',
  InvalidWeight: 'The weight annotation is not an integer from 0 to 256; 1 is used.',
  NoSourceRangeForFamily:
    'The source ranges name no network of a family in which the Service has a load-balancer address; nobody is admitted there.',
  TooManyEndpoints:
    'A Service with algorithm maglev has more endpoints than the largest table has rows; those beyond get no new connections.',
  UnknownAlgorithm: 'The algorithm annotation names none that nftproxy has; the configured default is used.',
  UnknownEngine: 'The engine annotation names none that nftproxy has; the one of the node is used.',
} as const;

export type Reason = keyof typeof reasons;

const longestMessage = 256;
const longestQuote = 64;

/** A value from somebody's object, safe to put into a message: escaped, and cut if it is long. */
export function quote(value: unknown): string {
  // Within an array, so that undefined has a text too.
  return shorten(printable(JSON.stringify([value]).slice(1, -1)), longestQuote, '...');
}

/** Gathers the Problems of one object while it is read. */
export class ProblemCollector {
  readonly #object: Problem['object'];
  readonly #problems: Problem[] = [];

  constructor(kind: Problem['object']['kind'], namespace: string, name: string) {
    this.#object = { kind, namespace, name };
  }

  /** Messages longer than 256 characters are cut. */
  report(reason: Reason, message: string): void {
    this.#problems.push(makeProblem(this.#object, reason, message));
  }

  /**
   * One Problem for any number of bad values of the same kind, so that a long list of them is one Event.
   * @param describe message for the first bad value; how many more there are is added
   */
  reportAll(reason: Reason, bad: readonly unknown[], describe: (first: string) => string): void {
    if (bad.length === 0) return;
    const more = bad.length > 1 ? ` (and ${bad.length - 1} more like it)` : '';
    this.report(reason, describe(quote(bad[0])) + more);
  }

  get problems(): readonly Problem[] {
    return this.#problems.length === 0 ? none : this.#problems;
  }
}

// Shared, because nearly every object has no problem and there are very many objects.
const none: readonly Problem[] = [];

/** A Problem with its message cut to the promised length. */
export function makeProblem(object: Problem['object'], reason: Reason, message: string): Problem {
  return { object, reason, message: shorten(message, longestMessage, '...') };
}
