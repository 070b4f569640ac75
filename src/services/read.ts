import type { Maybe } from './objects.ts';
import type { Protocol } from './types.ts';

/** The string itself; '' for anything else. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The array itself; an empty one for anything else. */
export function items<T>(list: Maybe<readonly T[]>): readonly T[] {
  return Array.isArray(list) ? (list as readonly T[]) : [];
}

/** The number if it is an integer from `least` to `most` (both included), otherwise undefined. */
export function wholeNumber(value: unknown, least: number, most: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : undefined;
}

const nothing: readonly never[] = [];

/**
 * The same list in as little memory as it needs, to be kept for long: an array that grew has room for 17 items, and
 * there are several for each of very many Services.
 */
export function compact<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? nothing : list.slice();
}

/**
 * The parts as one string, to be kept for long. The language's own ways to put strings together leave a tree of the
 * parts behind, several times as large.
 */
export function flat(...parts: readonly (string | number)[]): string {
  return parts.join('');
}

/** A port that can be connected to. */
export function portNumber(value: unknown): number | undefined {
  return wholeNumber(value, 1, 65535);
}

const protocols: ReadonlyMap<unknown, Protocol> = new Map<unknown, Protocol>([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
  // The API server writes TCP where the user wrote nothing.
  [undefined, 'tcp'],
  [null, 'tcp'],
]);

/** The protocol of a Service or EndpointSlice port; undefined if it is none that Kubernetes knows. */
export function protocolOf(value: unknown): Protocol | undefined {
  return protocols.get(value);
}

/** Order of strings by UTF-16 code units: the same on every node, whatever its locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
