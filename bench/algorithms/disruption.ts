import type { maglevTableSizes } from '../../src/api/index.ts';
import { endpointAddress, flowsOf } from '../../test/balancing/index.ts';
import type { Rig } from '../../test/balancing/index.ts';
import { legend, verticalAxis } from '../pictures/plot.ts';
import { colours, picture, rectangle, text } from '../pictures/svg.ts';

/** Shares of clients that are sent elsewhere when an endpoint leaves. */
export interface Disruption {
  /** `source-hash` or `maglev 1021`. */
  readonly method: string;
  readonly endpoints: number;
  /** Those whose endpoint left: they must move. */
  readonly necessary: number;
  /** Those who are moved although their endpoint stayed. */
  readonly needless: number;
}

const clients = 4000;
const only = { family: 4, protocol: 'udp' } as const;
const sizes = [251, 1021, 4093, 16381, 65521] as const satisfies readonly (typeof maglevTableSizes)[number][];

/** Takes out four endpoints, one at a time (plain hashing suffers more at the ends of the list), and averages. */
async function disruptionOf(rig: Rig, method: string, endpoints: number): Promise<Disruption> {
  const numbers = Array.from({ length: endpoints }, (_, index) => index + 1);
  const choices = async (): Promise<Map<string, string>> => (await rig.flows(flowsOf(clients))).endpointOf();
  const leavers = [0, 1, 2, 3].map((quarter) => numbers[Math.round((quarter * (endpoints - 1)) / 3)] ?? 1);
  rig.setEndpoints('web', numbers);
  await rig.run();
  const before = await choices();
  let necessary = 0;
  let needless = 0;
  for (const leaver of leavers) {
    rig.setEndpoints(
      'web',
      numbers.filter((number) => number !== leaver),
    );
    await rig.run();
    for (const [client, endpoint] of await choices()) {
      const old = before.get(client);
      if (old === endpointAddress(4, leaver)) necessary++;
      else if (old !== endpoint) needless++;
    }
  }
  const visits = clients * leavers.length;
  return { method, endpoints, necessary: necessary / visits, needless: needless / visits };
}

/** Source hash and each Maglev table, for these numbers of endpoints, through the kernel. */
export async function measureDisruption(rig: Rig, counts: readonly number[]): Promise<Disruption[]> {
  const results: Disruption[] = [];
  for (const endpoints of counts) {
    rig.setService('web', { algorithm: 'source-hash', only });
    results.push(await disruptionOf(rig, 'source-hash', endpoints));
    for (const tableSize of sizes) {
      rig.configure({ loadBalancing: { maglev: { tableSize } } });
      rig.setService('web', { algorithm: 'maglev', only });
      results.push(await disruptionOf(rig, `maglev ${tableSize}`, endpoints));
    }
    rig.configure({});
  }
  return results;
}

const area = { left: 84, top: 104, width: 800, height: 240 } as const;

/** A group of stacked bars per number of endpoints. */
export function drawDisruption(results: readonly Disruption[]): string {
  const counts = [...new Set(results.map(({ endpoints }) => endpoints))];
  const most = Math.max(...results.map(({ necessary, needless }) => 100 * (necessary + needless)));
  const axis = verticalAxis(area, most, { label: 'clients that move', unit: ' %' });
  const groupWidth = area.width / counts.length;
  const bars = counts.flatMap((endpoints, group) => {
    const members = results.filter((result) => result.endpoints === endpoints);
    const step = (groupWidth - 30) / members.length;
    const left = area.left + group * groupWidth + 15;
    const middle = { 'text-anchor': 'middle' } as const;
    return [
      text(left + (groupWidth - 30) / 2, area.top + area.height + 62, `${endpoints} endpoints`, {
        ...middle,
        'font-weight': 600,
      }),
      ...members.flatMap(({ method, necessary, needless }, index) => {
        const x = left + index * step;
        const floor = axis.at(100 * necessary);
        const top = axis.at(100 * (necessary + needless));
        const [name = '', size] = method.split(' ');
        return [
          rectangle([x + 7, floor], step - 14, axis.at(0) - floor, { fill: colours.faint }),
          rectangle([x + 7, top], step - 14, floor - top, { fill: colours.series[4] }),
          text(x + step / 2, top - 6, (100 * (necessary + needless)).toFixed(1), middle),
          text(x + step / 2, area.top + area.height + 18, size === undefined ? 'source-' : name, middle),
          text(x + step / 2, area.top + area.height + 34, size ?? name.replace('source-', ''), middle),
        ];
      }),
    ];
  });
  const entries = [
    ['their endpoint left', colours.faint],
    ['moved although their endpoint stayed', colours.series[4]],
  ] as const;
  return picture(
    { width: 920, height: 430 },
    'Who moves when one endpoint leaves',
    'Share of clients that are sent to another endpoint when one leaves: plain hashing against Maglev tables.',
    [
      text(460, 50, `${clients.toLocaleString('en')} clients through the kernel; mean of four endpoints that leave`, {
        'text-anchor': 'middle',
        fill: colours.faint,
      }),
      ...legend(262, 78, entries),
      ...axis.markup,
      ...bars,
    ],
  );
}
