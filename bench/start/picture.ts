import { colours, line, picture, rectangle, text } from '../pictures/svg.ts';
import { describeSize } from '../scale/report.ts';
import { figures } from './figures.ts';
import type { Comparison } from './figures.ts';
import type { Start } from './one-start.ts';

const row = { height: 15, gap: 7, left: 330, width: 420 } as const;
const top = 92;
/** Between two sizes. */
const space = 44;
/** Powers of ten to each side. */
const decades = 4;

/** How many times as much as the first candidate the second needs, on a logarithmic axis: to the right the first is better. */
export function drawComparisons(comparisons: readonly Comparison[]): string {
  const [ours = '', theirs = ''] = Object.keys(comparisons[0]?.starts ?? {});
  const content: string[] = [];
  let y = top;
  for (const { size, starts } of comparisons) {
    content.push(text(24, y, describeSize(size), { 'font-weight': 600 }));
    y += 10;
    for (const { what, ratio } of ratiosOf(starts[ours], starts[theirs])) {
      content.push(...bar(y, what, ratio));
      y += row.height + row.gap;
    }
    y += space;
  }
  const end = y - space + 8;
  const grid = Array.from({ length: 2 * decades + 1 }, (_, index) => axis(index - decades, end));
  return picture(
    { width: row.left + row.width + 100, height: end + 34 },
    `${theirs} beside ${ours}`,
    `How many times as much as ${ours} ${theirs} needs, by size of the cluster; logarithmic, less than 1 where it needs less.`,
    [
      text(middle, 52, `${theirs} needs so many times as much`, { 'text-anchor': 'middle', fill: colours.faint }),
      ...grid.flat(),
      ...content,
    ],
  );
}

function ratiosOf(ours: readonly Start[] = [], theirs: readonly Start[] = []): { what: string; ratio: number }[] {
  const all = figures.map(({ what, of }) => ({ what, ratio: (of(theirs) ?? Number.NaN) / (of(ours) ?? Number.NaN) }));
  return all.filter(({ ratio }) => Number.isFinite(ratio) && ratio > 0);
}

const middle = row.left + row.width / 2;
const perDecade = row.width / 2 / decades;

function bar(y: number, what: string, ratio: number): string[] {
  const length = Math.max(-decades, Math.min(decades, Math.log10(ratio))) * perDecade;
  const [left, right] = [Math.min(middle, middle + length), Math.max(middle, middle + length)];
  const better = ratio >= 1;
  return [
    text(row.left - 10, y + 12, what, { 'text-anchor': 'end', fill: colours.ink }),
    rectangle([left, y], Math.max(1, right - left), row.height, {
      fill: better ? colours.series[2] : colours.series[4],
    }),
    text(better ? right + 6 : left - 6, y + 12, Number(ratio.toPrecision(2)).toLocaleString('en'), {
      'text-anchor': better ? 'start' : 'end',
    }),
  ];
}

function axis(power: number, end: number): string[] {
  const x = middle + power * perDecade;
  return [
    line([x, top - 14], [x, end], power === 0 ? { stroke: colours.faint } : {}),
    text(x, end + 18, (10 ** power).toLocaleString('en', { maximumFractionDigits: decades }), {
      'text-anchor': 'middle',
      fill: colours.faint,
    }),
  ];
}
