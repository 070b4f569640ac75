/*
 * Starts of the agent, of kube-proxy and of other builds, in turns on one cluster: time, processor time, memory.
 *
 * Needs root and a build. `--help` tells the options. Prints a markdown table a size.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../../scripts/build.ts';
import { BenchCluster } from '../scale/cluster.ts';
import { IptablesView } from '../scale/iptables-view.ts';
import { KubeProxyView, NftproxyView } from '../scale/kernel-view.ts';
import type { Size } from '../scale/objects.ts';
import { kubeProxy, nftproxy } from '../scale/proxies.ts';
import { describeSize, load, machine } from '../scale/report.ts';
import { settle, untilComplete } from '../scale/start-up.ts';
import { median } from '../scale/statistics.ts';
import { parseOptions, usage } from './options.ts';
import type { BenchMode, Candidate, Options } from './options.ts';

/** Of one start: milliseconds, megabytes. */
interface Start {
  readonly complete: number;
  readonly processor: number;
  readonly rest: number;
  readonly peak: number;
}

/** All starts at one size, by candidate. */
interface Comparison {
  readonly size: Size;
  readonly loads: readonly string[];
  readonly starts: Readonly<Record<string, readonly Start[]>>;
}

const figures: readonly (readonly [what: string, value: (start: Start) => number])[] = [
  ['process start → all in the kernel, ms', ({ complete }) => complete],
  ['processor time until then, ms', ({ processor }) => processor],
  ['memory at rest, MB', ({ rest }) => rest],
  ['memory, most until then, MB', ({ peak }) => peak],
  ['most ÷ at rest', ({ peak, rest }) => peak / rest],
];

let starts = 0;

async function startOf({ path }: Candidate, mode: BenchMode, folder: string, cluster: BenchCluster): Promise<Start> {
  const build = path.endsWith('.js');
  const start = await (build
    ? nftproxy(folder, cluster.kubeconfig, { main: path, mode })
    : kubeProxy(path, folder, cluster.kubeconfig, mode));
  const node = await cluster.addNode(`start-${starts++}`);
  const view =
    mode === 'iptables'
      ? new IptablesView(node, cluster.size)
      : new (build ? NftproxyView : KubeProxyView)(node, cluster.size, 'TCP');
  const proxy = start(node);
  const complete = await untilComplete(proxy, view);
  const processor = await proxy.processorTime();
  await settle();
  const { now: rest, peak } = await proxy.memory();
  await proxy.end('SIGTERM');
  view.close();
  return { complete, processor, rest, peak };
}

async function compare(size: Size, { candidates, rounds, mode }: Options): Promise<Comparison> {
  const folder = await mkdtemp(join(tmpdir(), 'nftproxy-bench-'));
  try {
    await using cluster = await BenchCluster.start(folder, size);
    const all: Record<string, Start[]> = {};
    const loads = [load()];
    for (let round = 1; round <= rounds; round++) {
      for (const one of candidates) (all[one.name] ??= []).push(await startOf(one, mode, folder, cluster));
      loads.push(load());
      console.error(`${describeSize(size)}: round ${round}, load ${load()}`);
    }
    return { size, loads, starts: all };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Medians; in brackets how many times as much as the first one. */
function table({ size, loads, starts }: Comparison): string {
  const names = Object.keys(starts);
  const rows = figures.map(([what, value]) => {
    const medians = Object.values(starts).map((all) => median(all.map(value)));
    const first = medians[0] ?? Number.NaN;
    const cells = medians.map((one) => `${one.toFixed(one < 10 ? 2 : 0)} (${(one / first).toFixed(2)})`);
    return [what, ...cells];
  });
  const head = [`${describeSize(size)}, load ${loads.join(' ')}`, ...names];
  return [head, ['---', ...names.map(() => '---:')], ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(usage);
    return;
  }
  const ours = join(repository, 'dist/main.js');
  const options = parseOptions(args, ours);
  if (process.getuid?.() !== 0) throw new Error('this needs root: it works in network namespaces of its own');
  if (!existsSync(ours)) throw new Error('there is no dist/main.js: npm run build first');
  const kubeProxyBinary = options.candidates.find(({ path }) => !path.endsWith('.js'))?.path;
  console.log(
    `${machine(kubeProxyBinary, options.mode)}, ${process.env['KUBEBUILDER_ASSETS'] ? 'kube-apiserver' : 'test/apiserver'}`,
  );
  const all: Comparison[] = [];
  for (const size of options.sizes) {
    const comparison = await compare(size, options);
    all.push(comparison);
    console.log(`\n${table(comparison)}`);
    if (options.json !== undefined) await writeFile(options.json, JSON.stringify(all, undefined, 1));
  }
}

await main(process.argv.slice(2));
