/*
 * The start of agents of several builds, in turns on the same cluster: what else runs on the machine hits all alike.
 *
 * Needs root and the builds. The first is what the others are compared with.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchCluster } from '../scale/cluster.ts';
import { NftproxyView } from '../scale/kernel-view.ts';
import { nftproxy } from '../scale/proxies.ts';
import { settle, untilComplete } from '../scale/start-up.ts';
import { median } from '../scale/statistics.ts';

const usage = `Usage: npm run bench -- builds [--services N] [--rounds N] MAIN...

  MAIN           dist/main.js of a build; two or more
  --services N   Services in the cluster, with 3 endpoints each (default 1000)
  --rounds N     starts of each build (default 9)
`;

/** Of each start: milliseconds, megabytes. */
interface Start {
  readonly complete: number;
  readonly processor: number;
  readonly rest: number;
  readonly peak: number;
}

let starts = 0;

async function startOf(main: string, folder: string, cluster: BenchCluster): Promise<Start> {
  const start = await nftproxy(folder, cluster.kubeconfig, { main });
  const node = await cluster.addNode(`build-${starts++}`);
  const view = new NftproxyView(node, cluster.size, 'TCP');
  const proxy = start(node);
  const complete = await untilComplete(proxy, view);
  const processor = await proxy.processorTime();
  await settle();
  const { now: rest, peak } = await proxy.memory();
  await proxy.end('SIGTERM');
  view.close();
  return { complete, processor, rest, peak };
}

function row(what: string, builds: readonly (readonly Start[])[], value: (start: Start) => number): string {
  const medians = builds.map((starts) => median(starts.map(value)));
  const first = medians[0] ?? Number.NaN;
  return `| ${what} | ${medians.map((one) => `${one.toFixed(0)} (${(one / first).toFixed(2)})`).join(' | ')} |`;
}

async function compare(mains: readonly string[], services: number, rounds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'nftproxy-bench-'));
  try {
    await using cluster = await BenchCluster.start(folder, { services, endpoints: 3 });
    const builds = mains.map((): Start[] => []);
    for (let round = 1; round <= rounds; round++) {
      for (const [index, main] of mains.entries()) builds[index]?.push(await startOf(main, folder, cluster));
      console.error(`round ${round}: load ${loadavg()[0]?.toFixed(1) ?? ''}`);
    }
    console.log(`| ${services} Services x 3, medians of ${rounds} (ratio) | ${mains.join(' | ')} |`);
    console.log(`| --- | ${mains.map(() => '---:').join(' | ')} |`);
    console.log(row('process start → all in the kernel, ms', builds, ({ complete }) => complete));
    console.log(row('processor time until then, ms', builds, ({ processor }) => processor));
    console.log(row('memory at rest, MB', builds, ({ rest }) => rest));
    console.log(row('memory, most until then, MB', builds, ({ peak }) => peak));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    services: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '9' },
    help: { type: 'boolean' },
  },
});
if (values.help === true || positionals.length < 2) console.log(usage);
else await compare(positionals, Number(values.services), Number(values.rounds));
