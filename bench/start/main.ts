/*
 * The agent, kube-proxy and other builds in turns on one cluster: starts, processor time, memory, changes, restarts.
 *
 * Needs root and a build. `--help` tells the options. Prints a markdown table a size.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../../scripts/build.ts';
import { BenchCluster } from '../scale/cluster.ts';
import type { Size } from '../scale/objects.ts';
import { describeSize, load, machine } from '../scale/report.ts';
import { figures } from './figures.ts';
import type { Comparison } from './figures.ts';
import { startOf } from './one-start.ts';
import type { Start } from './one-start.ts';
import { parseOptions, usage } from './options.ts';
import type { Options } from './options.ts';
import { drawComparisons } from './picture.ts';

async function compare(size: Size, options: Options): Promise<Comparison> {
  const folder = await mkdtemp(join(tmpdir(), 'nftproxy-bench-'));
  try {
    await using cluster = await BenchCluster.start(folder, size);
    const all: Record<string, Start[]> = {};
    const loads = [load()];
    for (let round = 1; round <= options.rounds; round++) {
      const last = round === options.rounds;
      for (const one of options.candidates) {
        (all[one.name] ??= []).push(await startOf(one, { options, folder, cluster, last }));
      }
      loads.push(load());
      console.error(`${describeSize(size)}: round ${round}, load ${load()}`);
    }
    return { size, loads, starts: all };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** In brackets how many times as much as the first one. */
function table({ size, loads, starts }: Comparison): string {
  const names = Object.keys(starts);
  const rows = figures.flatMap(({ what, of }) => {
    const values = Object.values(starts).map(of);
    const [first] = values;
    if (first === undefined) return [];
    return [[what, ...values.map((value) => (value === undefined ? '' : cell(value, value / first)))]];
  });
  const head = [`${describeSize(size)}, load ${loads.join(' ')}`, ...names];
  return [head, ['---', ...names.map(() => '---:')], ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const cell = (value: number, ratio: number): string => `${value.toFixed(value < 10 ? 2 : 0)} (${ratio.toFixed(2)})`;

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
    if (options.svg !== undefined) await writeFile(options.svg, drawComparisons(all));
  }
}

await main(process.argv.slice(2));
