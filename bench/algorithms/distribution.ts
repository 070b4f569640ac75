import { verticalAxis } from '../pictures/plot.ts';
import { colours, line, picture, rectangle, text } from '../pictures/svg.ts';
import { algorithms } from '../../src/services/index.ts';
import type { Algorithm } from '../../src/services/index.ts';
import { endpointAddress, flowsOf } from '../../test/balancing/index.ts';
import type { Rig } from '../../test/balancing/index.ts';
import { sumOf } from '../../test/balancing/index.ts';

/** Flows of each endpoint, per algorithm. */
export interface Distribution {
  readonly weights: readonly number[];
  readonly flows: number;
  readonly counts: ReadonlyMap<Algorithm, readonly number[]>;
}

const weights = [1, 1, 1, 1, 2, 2, 4, 4];
const flows = 16_000;
const clients = 4000;

/** Sends the same flows with each algorithm, through the kernel. */
export async function measureDistribution(rig: Rig): Promise<Distribution> {
  const counts = new Map<Algorithm, readonly number[]>();
  rig.setEndpoints(
    'web',
    weights.map((weight, index) => ({ endpoint: index + 1, weight })),
  );
  for (const algorithm of algorithms) {
    rig.setService('web', { algorithm });
    await rig.run();
    const { byEndpoint } = await rig.flows(flowsOf(flows, { clients }));
    counts.set(
      algorithm,
      weights.map((_, index) => byEndpoint.get(endpointAddress(4, index + 1)) ?? 0),
    );
  }
  return { weights, flows, counts };
}

const panel = { width: 168, height: 200, gap: 22, left: 78, top: 92 } as const;

/** A panel per algorithm: bars as measured, marks where the weights want them. */
export function drawDistribution({ weights: given, flows: total, counts }: Distribution): string {
  const expected = given.map((weight) => (100 * weight) / sumOf(given));
  const share = (count: number): number => (100 * count) / total;
  const most = Math.max(...expected, ...[...counts.values()].flat().map(share));
  const content = [...counts].flatMap(([algorithm, list], index) => {
    const area = { ...panel, left: panel.left + index * (panel.width + panel.gap) };
    const axis = verticalAxis(area, most, index === 0 ? { label: 'share of connections', unit: ' %' } : {});
    const step = panel.width / list.length;
    const bottom = axis.at(0);
    return [
      ...(index === 0 ? axis.markup : axis.markup.filter((part) => part.startsWith('<line'))),
      text(area.left + panel.width / 2, panel.top - 12, algorithm, { 'text-anchor': 'middle', 'font-weight': 600 }),
      ...list.flatMap((count, number) => {
        const x = area.left + number * step;
        const top = axis.at(share(count));
        const wanted = axis.at(expected[number] ?? 0);
        return [
          rectangle([x + 3, top], step - 6, bottom - top, { fill: colours.series[0] }),
          line([x, wanted], [x + step, wanted], { stroke: colours.series[4], 'stroke-width': 2.5 }),
          text(x + step / 2, bottom + 18, String(given[number]), { 'text-anchor': 'middle', fill: colours.faint }),
        ];
      }),
    ];
  });
  const width = panel.left + counts.size * (panel.width + panel.gap);
  const middle = { 'text-anchor': 'middle' } as const;
  return picture(
    { width, height: 362 },
    'Who gets how much',
    'Share of connections that each of eight endpoints got, per algorithm, beside the share that its weight asks for.',
    [
      ...content,
      text(width / 2, panel.top + panel.height + 44, 'eight endpoints, by weight', middle),
      text(
        width / 2,
        50,
        `${total.toLocaleString('en')} connections of ${clients.toLocaleString('en')} clients through the kernel; ` +
          'the marks are what the weights ask for',
        { ...middle, fill: colours.faint },
      ),
    ],
  );
}
