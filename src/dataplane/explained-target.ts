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

/** An explanation that ends at a target where an engine has nothing. @param text what becomes of the packet, as a sentence */
export function nothingThere(said: Explanation, action: Explanation['action'], text: string): Explanation {
  return { ...said, action, steps: [...said.steps, { about: 'choice', text }], endpoints: [], masquerade: false };
}
