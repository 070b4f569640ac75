/*
 * How fast and how big the agent is on big clusters, beside kube-proxy if KUBE_PROXY names its binary.
 *
 * Needs root and a build. `--help` tells the options. Prints a markdown table at the end.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../../scripts/build.ts';
import { measureChangeCost } from './change-cost.ts';
import { BenchCluster } from './cluster.ts';
import { FlowRate } from './flows.ts';
import type { FlowRates } from './flows.ts';
import { KubeProxyView, NftproxyView } from './kernel-view.ts';
import { measureSize } from './one-size.ts';
import { parseOptions, usage } from './options.ts';
import type { Options, Part } from './options.ts';
import { kubeProxy, nftproxy } from './proxies.ts';
import { describeSize, load, machine, table } from './report.ts';
import type { Row } from './report.ts';
import { settle, untilComplete } from './start-up.ts';

const binary = process.env['KUBE_PROXY'];

const say = (line: string): void => {
  console.error(`[${new Date().toISOString().slice(11, 19)} load ${load()}] ${line}`);
};

/** Runs with a folder for the files of one cluster. */
async function inFolder<Result>(run: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'nftproxy-bench-'));
  try {
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Memory of proxies that have nothing to do. */
async function empty(): Promise<Row[]> {
  const size = { services: 0, endpoints: 0 };
  return inFolder(async (folder) => {
    await using cluster = await BenchCluster.start(folder, size);
    const ours = await cluster.addNode('nftproxy');
    const agent = (await nftproxy(folder, cluster.kubeconfig))(ours);
    const view = new NftproxyView(ours, size, 'TCP');
    const start = await untilComplete(agent, view);
    view.close();
    const node = await cluster.addNode('kube-proxy');
    const theirs = binary === undefined ? undefined : (await kubeProxy(binary, folder, cluster.kubeconfig))(node);
    await settle();
    const kubeProxyMemory = theirs && (await theirs.memory()).now;
    return [
      { what: 'empty cluster: process start → in the kernel', unit: 'ms', nftproxy: start },
      {
        what: 'empty cluster: memory at rest',
        unit: 'MB',
        nftproxy: (await agent.memory()).now,
        ...(kubeProxyMemory === undefined ? {} : { kubeProxy: kubeProxyMemory }),
      },
    ];
  });
}

async function sizes(options: Options): Promise<Row[]> {
  const rows: Row[] = [];
  for (const size of options.sizes) {
    say(describeSize(size));
    rows.push(...(await inFolder((folder) => measureSize(folder, size, { options, binary, say }))));
  }
  return rows;
}

async function cost(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const services of [1000, 10_000, 45_000]) {
    const { size, replace, scale } = await measureChangeCost({ services, endpoints: 3 });
    const label = describeSize(size);
    for (const [name, parts] of [
      ['endpoint replaced', replace],
      ['endpoint less', scale],
    ] as const) {
      rows.push({ what: `${label}: ${name}, in the kernel`, unit: 'µs', nftproxy: parts.kernelMicroseconds });
      rows.push({ what: `${label}: ${name}, in the agent`, unit: 'µs', nftproxy: parts.userMicroseconds });
    }
  }
  return rows;
}

/** First packets of UDP flows, to pods directly and to ClusterIPs. */
async function flows(): Promise<Row[]> {
  const size = { services: 10_000, endpoints: 3 };
  return inFolder(async (folder) => {
    await using cluster = await BenchCluster.start(folder, size, 'UDP');
    const starters = { nftproxy: await nftproxy(folder, cluster.kubeconfig) };
    const node = await cluster.addNode('nftproxy');
    const ours = await flowRates(node, starters.nftproxy, new NftproxyView(node, size, 'UDP'), size.services);
    if (binary === undefined) return flowRows(ours, undefined);
    const other = await cluster.addNode('kube-proxy');
    const start = await kubeProxy(binary, folder, cluster.kubeconfig);
    return flowRows(ours, await flowRates(other, start, new KubeProxyView(other, size, 'UDP'), size.services));
  });
}

async function flowRates(
  node: Awaited<ReturnType<BenchCluster['addNode']>>,
  start: Awaited<ReturnType<typeof nftproxy>>,
  view: NftproxyView | KubeProxyView,
  services: number,
): Promise<FlowRates> {
  const proxy = start(node);
  await untilComplete(proxy, view);
  await settle();
  // What is measured is the kernel; the proxies would only compete for the processors.
  await proxy.end('SIGKILL');
  view.close();
  await using rate = await FlowRate.create(node, services);
  return await rate.measure();
}

function flowRows(ours: FlowRates, theirs: FlowRates | undefined): Row[] {
  const row = (what: string, value: (rates: FlowRates) => number): Row => ({
    what: `10,000 Services x 3, UDP: ${what}`,
    unit: 'flows/s',
    nftproxy: value(ours),
    ...(theirs === undefined ? {} : { kubeProxy: value(theirs) }),
  });
  return [
    row('new flows to pods (for comparison)', ({ direct }) => direct),
    row('new flows to ClusterIPs', ({ service }) => service),
  ];
}

const runners: Readonly<Record<Part, (options: Options) => Promise<Row[]>>> = { empty, sizes, cost, flows };

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(usage);
    return;
  }
  const options = parseOptions(args);
  if (process.getuid?.() !== 0) throw new Error('this needs root: it works in network namespaces of its own');
  if (!existsSync(join(repository, 'dist/main.js'))) throw new Error('there is no dist/main.js: npm run build first');
  const rows: Row[] = [];
  const loads = [load()];
  for (const part of options.parts) {
    say(part);
    rows.push(...(await runners[part](options)));
    loads.push(load());
  }
  console.log(`\n${machine(binary)}; load before, between and after the parts: ${loads.join(', ')}\n`);
  console.log(table(rows));
}

await main(process.argv.slice(2));
