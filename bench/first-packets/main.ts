/*
 * What a first packet costs, TCP and UDP: without a Service, through nftproxy's table and through kube-proxy's, in turns.
 *
 * Needs root and a build; `--peer PATH` names a kube-proxy. Prints a markdown table and a test of significance.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchCluster } from '../scale/cluster.ts';
import { KubeProxyView, NftproxyView } from '../scale/kernel-view.ts';
import type { Protocol } from '../scale/objects.ts';
import { sizeOf } from '../scale/options.ts';
import { kubeProxy, nftproxy } from '../scale/proxies.ts';
import { load, machine } from '../scale/report.ts';
import { settle, untilComplete } from '../scale/start-up.ts';
import { median, percentile } from '../scale/statistics.ts';
import { FirstPackets } from './first-packets.ts';
import type { Destination } from './first-packets.ts';
import { pairedPermutation } from './significance.ts';

const usage = `Usage: npm run bench -- first-packets --peer PATH [options]

  --peer PATH                 a kube-proxy, in nftables mode
  --size SERVICESxENDPOINTS   (default 10000x3)
  --rounds N                  of each kind, in turns (default 40)
  --packets N                 of each round (default 2000)
`;

/** Of one round: microseconds of a packet. */
interface Round {
  readonly p50: number;
  readonly p99: number;
}

type Rounds = Record<string, Round[]>;

interface Settings {
  readonly peer: string;
  readonly size: ReturnType<typeof sizeOf>;
  readonly rounds: number;
  readonly packets: number;
}

const proxies = ['nftproxy', 'kube-proxy'] as const;
const destinations: readonly Destination[] = ['pods', 'ClusterIPs'];

async function measure(protocol: Protocol, o: Settings): Promise<Rounds> {
  const folder = await mkdtemp(join(tmpdir(), 'nftproxy-bench-'));
  try {
    await using cluster = await BenchCluster.start(folder, o.size, protocol);
    await using places = new AsyncDisposableStack();
    const by = new Map<string, FirstPackets>();
    for (const name of proxies) {
      const node = await cluster.addNode(name);
      const ours = name === 'nftproxy';
      const start = await (ours ? nftproxy(folder, cluster.kubeconfig) : kubeProxy(o.peer, folder, cluster.kubeconfig));
      const view = new (ours ? NftproxyView : KubeProxyView)(node, o.size, protocol);
      const proxy = start(node);
      await untilComplete(proxy, view);
      places.defer(() => proxy.end('SIGTERM'));
      by.set(name, places.use(await FirstPackets.create(node, { ...o, services: o.size.services, protocol })));
      view.close();
    }
    await settle();
    return await inTurns(by, o.rounds);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Every other round begins at the other end, so that nobody always comes first. */
async function inTurns(by: ReadonlyMap<string, FirstPackets>, rounds: number): Promise<Rounds> {
  const kinds = [...by].flatMap(([name, place]) => destinations.map((to) => ({ key: `${name}: ${to}`, place, to })));
  const all: Rounds = Object.fromEntries(kinds.map(({ key }) => [key, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { key, place, to } of round % 2 === 0 ? kinds : kinds.toReversed()) {
      const times = await place.round(to);
      all[key]?.push({ p50: percentile(times, 0.5), p99: percentile(times, 0.99) });
    }
  }
  return all;
}

function report(protocol: Protocol, rounds: Rounds): void {
  const rows = Object.entries(rounds).map(([key, all]) => {
    const of = (what: keyof Round): string => median(all.map((round) => round[what])).toFixed(2);
    return `| ${protocol}, ${key} | ${of('p50')} | ${of('p99')} |`;
  });
  console.log(`\n| first packets, µs, medians of rounds, load ${load()} | p50 | p99 |\n| --- | ---: | ---: |`);
  console.log(rows.join('\n'));
  for (const what of ['p50', 'p99'] as const) {
    const [ours = [], theirs = []] = proxies.map((name) => rounds[`${name}: ClusterIPs`]);
    const differences = ours.map((round, index) => round[what] - (theirs[index]?.[what] ?? Number.NaN));
    const share = (100 * median(differences)) / median(theirs.map((round) => round[what]));
    const chance = pairedPermutation(differences);
    console.log(
      `${protocol} ${what}: nftproxy − kube-proxy ${median(differences).toFixed(2)} µs (${share.toFixed(1)} %), by chance alone p = ${chance.toFixed(4)}`,
    );
  }
}

const { values } = parseArgs({
  options: {
    peer: { type: 'string' },
    size: { type: 'string', default: '10000x3' },
    rounds: { type: 'string', default: '40' },
    packets: { type: 'string', default: '2000' },
    help: { type: 'boolean' },
  },
});
if (values.help === true || values.peer === undefined || process.getuid?.() !== 0) {
  console.log(usage);
  process.exit(values.help === true ? 0 : 2);
}
const { peer, size, rounds, packets } = values;
console.log(machine(peer));
for (const protocol of ['TCP', 'UDP'] as const) {
  const settings = { peer, size: sizeOf(size), rounds: Number(rounds), packets: Number(packets) };
  report(protocol, await measure(protocol, settings));
}
