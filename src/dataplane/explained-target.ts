import { contains } from '../ip/index.ts';
import type { EngineTarget, Explanation } from './data-plane.ts';

/** Where an explanation ends, if that is in one of an engine's ranges. */
export function explainedTarget(
  { endpoints: [first = ''] }: Explanation,
  ranges: readonly string[],
): EngineTarget | undefined {
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(first) ?? [];
  const address = bracketed ?? plain ?? '';
  if (address === '' || !contains(ranges, address)) return undefined;
  return { address, port: Number(port) };
}
