import { colours, element, line, rectangle, text } from './svg.ts';

/** Where a plot lies in the picture; the labels of its axes are outside. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Round numbers from 0 to `most` or a little more, at most about six. */
export function ticksTo(most: number): number[] {
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Math.round(index * step * 1e6) / 1e6);
}

/** A vertical axis from 0 with grid lines; `at` gives the height of a value. */
export function verticalAxis(
  area: Area,
  most: number,
  options: { readonly label?: string; readonly unit?: string } = {},
): { readonly at: (value: number) => number; readonly markup: string[] } {
  const ticks = ticksTo(most);
  const end = ticks.at(-1) ?? most;
  const bottom = area.top + area.height;
  const at = (value: number): number => bottom - (area.height * value) / end;
  const markup = ticks.flatMap((tick) => [
    line([area.left, at(tick)], [area.left + area.width, at(tick)], tick === 0 ? { stroke: colours.faint } : {}),
    text(area.left - 8, at(tick) + 4, `${tick}${options.unit ?? ''}`, { 'text-anchor': 'end', fill: colours.faint }),
  ]);
  if (options.label !== undefined) {
    const middle = area.top + area.height / 2;
    const x = area.left - 52;
    markup.push(text(x, middle, options.label, { 'text-anchor': 'middle', transform: `rotate(-90 ${x} ${middle})` }));
  }
  return { at, markup };
}

/** A horizontal axis of numbers from 0 to `most`, without grid lines. */
export function horizontalAxis(
  area: Area,
  most: number,
  label: string,
): { readonly at: (value: number) => number; readonly markup: string[] } {
  const at = (value: number): number => area.left + (area.width * value) / most;
  const bottom = area.top + area.height;
  const ticks = ticksTo(most).filter((tick) => tick <= most);
  return {
    at,
    markup: [
      ...ticks.map((tick) => text(at(tick), bottom + 18, `${tick}`, { 'text-anchor': 'middle', fill: colours.faint })),
      text(area.left + area.width / 2, bottom + 40, label, { 'text-anchor': 'middle' }),
    ],
  };
}

/** A line through the points. */
export function curve(points: readonly (readonly [number, number])[], colour: string): string {
  const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  return element('polyline', { points: path, fill: 'none', stroke: colour, 'stroke-width': 1.8 });
}

/** What the colours mean, in one row from `left` on. */
export function legend(left: number, top: number, entries: readonly (readonly [string, string])[]): string[] {
  let x = left;
  return entries.flatMap(([name, colour]) => {
    const here = x;
    // An average letter is some 7 pixels wide at this size.
    x += 40 + name.length * 7;
    return [rectangle([here, top - 10], 12, 12, { fill: colour }), text(here + 18, top, name)];
  });
}
