import { queuesUnder } from '../../test/balancing/index.ts';
import type { Load, Queues } from '../../test/balancing/index.ts';
import type { Rig } from '../../test/balancing/index.ts';
import { curve, horizontalAxis, legend, verticalAxis } from '../pictures/plot.ts';
import { colours, picture, text } from '../pictures/svg.ts';

const compared = ['random', 'round-robin', 'least-connections'] as const;

/** Queues by algorithm under the same load. */
export type SlowEndpoint = ReadonlyMap<(typeof compared)[number], Queues>;

export const load: Load = { arrivals: 3000, hold: 40, slowHold: 400, lookEvery: 100 };

/** Ports of the endpoints, one per algorithm: connections are counted by address and port. */
export const ports = compared.map((_, index) => 8080 + index);

/** Three Services over the same ten endpoints, of which the first is slow, hit in turn. */
export async function measureSlowEndpoint(rig: Rig, endpoints: readonly number[]): Promise<SlowEndpoint> {
  const services = compared.map((algorithm, index) => {
    rig.setService(algorithm, { number: 11 + index, algorithm });
    rig.setEndpoints(algorithm, endpoints, ports[index]);
    return 11 + index;
  });
  await rig.run();
  await rig.forgetConnections();
  const queues = await queuesUnder(rig, services, load);
  return new Map(compared.flatMap((algorithm, index) => (queues[index] ? [[algorithm, queues[index]] as const] : [])));
}

const area = { left: 84, top: 104, width: 800, height: 250 } as const;

/** A curve per algorithm: open connections at the fullest endpoint, over time. */
export function drawSlowEndpoint(results: SlowEndpoint): string {
  const most = Math.max(...[...results.values()].flatMap(({ longest }) => longest));
  const vertical = verticalAxis(area, most, { label: 'open connections' });
  const horizontal = horizontalAxis(area, load.arrivals, 'connections made so far');
  const curves = [...results.values()].map(({ longest }, index) =>
    curve(
      // A point per four pixels or so.
      longest.flatMap((value, arrival) =>
        arrival % 15 === 0 ? [[horizontal.at(arrival), vertical.at(value)] as const] : [],
      ),
      colours.series[index] ?? colours.ink,
    ),
  );
  const entries = [...results.keys()].map((name, index) => [name, colours.series[index] ?? colours.ink] as const);
  return picture(
    { width: 920, height: 420 },
    'The longest queue with one slow endpoint of ten',
    'Open connections at the fullest endpoint over time, with random, round-robin and least-connections.',
    [
      text(
        460,
        50,
        `a connection lasts ${load.hold} arrivals, at the slow endpoint ${load.slowHold}; ` +
          `weights follow the load every ${load.lookEvery} arrivals`,
        { 'text-anchor': 'middle', fill: colours.faint },
      ),
      ...legend(280, 78, entries),
      ...vertical.markup,
      ...horizontal.markup,
      ...curves,
    ],
  );
}
