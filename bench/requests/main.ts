/*
 * Requests and connections a second, and how long they take: directly, and through a ClusterIP in each mode, in turns.
 *
 * Needs root, and the network for HAProxy once. Draws docs/pictures/requests.svg.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isRoot, programs, requirePrograms } from '../../scripts/prerequisites.ts';
import { repository } from '../../scripts/build.ts';
import { say, table } from '../../scripts/terminal.ts';
import { eventually } from '../../test/support/index.ts';
import { addresses } from '../../test/support/node/index.ts';
import { requestsWhile, UserspaceRig } from '../../test/userspace/index.ts';
import { percentile } from '../scale/statistics.ts';
import { drawAnswers } from './draw.ts';

const usage = `Usage: npm run bench -- requests [--rounds N] [--seconds N]

  --rounds N   of each kind and way, in turns (default 3)
  --seconds N  that each lasts (default 3)
`;

const { clusterIP, localPod } = addresses[4];
/** What is sent, to which port of the Service and of its endpoints. */
const kinds = { http: [80, 8081], connections: [80, 8081], grpc: [83, 8083] } as const;
type Kind = keyof typeof kinds;
const ways = ['direct', 'nftables', 'iptables', 'userspace'] as const;
type Way = (typeof ways)[number];

interface Sample {
  readonly perSecond: number;
  readonly milliseconds: readonly number[];
  readonly answers: Readonly<Record<string, number>>;
}

const roundRobin = { 'nftproxy.io/algorithm': 'round-robin' };

async function measure(rig: UserspaceRig, kind: Kind, way: Way, seconds: number): Promise<Sample> {
  const [port, endpointPort] = kinds[kind];
  const to = way === 'direct' ? `${localPod}:${endpointPort}` : `${clusterIP}:${port}`;
  const { answers, failures, milliseconds } = await requestsWhile(rig.client, { kind, to, lanes: 8 }, () =>
    sleep(seconds * 1000),
  );
  if (failures[0] !== undefined)
    throw new Error(`${failures.length} requests failed (${kind}, ${way}): ${failures[0]}`);
  // Each of eight lanes was busy all the time: so many would have gone through in a second.
  const busy = milliseconds.reduce((sum, each) => sum + each, 0) / 8 / 1000;
  return { perSecond: milliseconds.length / busy, milliseconds, answers };
}

async function switchTo(rig: UserspaceRig, way: Way): Promise<void> {
  if (way === 'direct') return;
  rig.node.configure({ mode: way });
  await rig.node.run();
  if (way !== 'userspace') return;
  await eventually('all to go through HAProxy', async () => {
    await rig.node.look();
    return rig.node.dataPlane.fallbacks.size === 0;
  });
}

function print(samples: ReadonlyMap<string, readonly Sample[]>): void {
  const rows = Object.keys(kinds).flatMap((kind) => {
    const direct = medianRate(samples.get(`${kind} direct`) ?? []);
    return ways.map((way) => {
      const all = samples.get(`${kind} ${way}`) ?? [];
      const times = all.flatMap(({ milliseconds }) => milliseconds);
      const rate = medianRate(all);
      const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
      return [kind, way, rate.toFixed(0), (rate / direct).toFixed(2), p50.toFixed(2), p99.toFixed(2)];
    });
  });
  say(table([['KIND', 'WAY', 'A SECOND', 'OF DIRECT', 'P50 MS', 'P99 MS'], ...rows]));
}

const medianRate = (samples: readonly Sample[]): number =>
  percentile(
    samples.map(({ perSecond }) => perSecond),
    0.5,
  );

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    help: { type: 'boolean' },
  },
});
if (values.help === true || !isRoot()) {
  say(usage);
  process.exit(values.help === true ? 0 : 2);
}
requirePrograms(Object.values(programs), say);
// Waiting for other processes alone does not keep this one.
const alive = setInterval(() => undefined, 60_000);
await using rig = await UserspaceRig.create();
rig.node.configure({ mode: 'userspace' });
await rig.serve(['local', 'remote'], roundRobin);
await rig.haproxy.start();
const samples = new Map<string, Sample[]>();
for (let round = 0; round < Number(values.rounds); round++) {
  for (const way of ways) {
    await switchTo(rig, way);
    for (const kind of Object.keys(kinds) as Kind[]) {
      const key = `${kind} ${way}`;
      samples.set(key, [...(samples.get(key) ?? []), await measure(rig, kind, way, Number(values.seconds))]);
    }
  }
}
print(samples);
say(`load ${loadavg()[0]?.toFixed(1) ?? ''}`);
const lastOf = (way: Way) => samples.get(`grpc ${way}`)?.at(-1)?.answers ?? {};
const shares = ways.slice(1).map((way) => [way, ['local', 'remote'].map((name) => lastOf(way)[name] ?? 0)] as const);
writeFileSync(join(repository, 'docs/pictures/requests.svg'), drawAnswers(new Map(shares)));
clearInterval(alive);
