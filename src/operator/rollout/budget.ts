/**
 * How many of `nodes` nodes may be on their way at a time: a number, or a percentage of them rounded down; at least 1.
 */
export function mostUnavailable(setting: number | string, nodes: number): number {
  const text = String(setting);
  const number = text.endsWith('%') ? Math.floor((nodes * Number(text.slice(0, -1))) / 100) : Number(text);
  return Math.max(1, number);
}
