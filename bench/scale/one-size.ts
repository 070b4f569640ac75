import type { Namespace } from '../../test/support/index.ts';
import { busyChanges, quietChanges } from './changes.ts';
import { BenchCluster } from './cluster.ts';
import { KubeProxyView, NftproxyView } from './kernel-view.ts';
import type { KernelView } from './kernel-view.ts';
import type { Size } from './objects.ts';
import type { Options } from './options.ts';
import { kubeProxy, nftproxy } from './proxies.ts';
import type { ProxyProcess, StartProxy } from './proxies.ts';
import { describeSize } from './report.ts';
import type { Row } from './report.ts';
import { settle, untilComplete, untilLogged } from './start-up.ts';
import { median, percentile } from './statistics.ts';

/** Changes that kube-proxy is given: it needs seconds for each in a big cluster. */
const kubeProxyChanges = 5;
const changesPerSecond = 200;
const busySeconds = 5;
/** Longer than the agent's rest between two commits. */
const pauseMilliseconds = 150;

/** What was measured of one proxy; milliseconds and megabytes. */
interface Figures {
  readonly start: number;
  /** Processor time until then: steadier than the time on a busy machine. */
  readonly startProcessor: number;
  readonly quiet: readonly number[];
  readonly busy?: readonly number[];
  readonly restMemory: number;
  readonly peakMemory: number;
  readonly restart?: number;
}

export type Say = (line: string) => void;

/** How to measure. */
export interface Measuring {
  readonly options: Options;
  /** kube-proxy's. */
  readonly binary: string | undefined;
  readonly say: Say;
}

/** Starts, changes, memory and restarts at one size: nftproxy, and kube-proxy where `binary` is given. */
export async function measureSize(folder: string, size: Size, { options, binary, say }: Measuring): Promise<Row[]> {
  await using cluster = await BenchCluster.start(folder, size);
  const ours = await measureNftproxy(folder, cluster, options, say);
  const small = size.services * size.endpoints <= options.kubeProxyEndpoints;
  const theirs = binary !== undefined && small ? await measureKubeProxy(folder, cluster, binary, say) : undefined;
  return rowsOf(size, ours, theirs);
}

async function measureNftproxy(folder: string, cluster: BenchCluster, options: Options, say: Say): Promise<Figures> {
  const start = await nftproxy(folder, cluster.kubeconfig);
  let best = Infinity;
  for (let round = 1; round < options.starts; round++) {
    const node = await cluster.addNode(`start-${round}`);
    best = Math.min(best, await oneStart(start, node, cluster.size, say));
  }
  const node = await cluster.addNode('nftproxy');
  const view = new NftproxyView(node, cluster.size, 'TCP');
  const proxy = start(node);
  best = Math.min(best, await untilComplete(proxy, view));
  const startProcessor = await proxy.processorTime();
  await settle();
  say(`nftproxy: in the kernel ${best.toFixed(0)} ms after its start: ${await view.count()}`);
  const memory = await proxy.memory();
  const quiet = await quietChanges(cluster, view, options.quietChanges, pauseMilliseconds);
  const busy = await busyChanges(cluster, view, changesPerSecond, busySeconds);
  await proxy.end('SIGKILL');
  const restart = await measureRestart(start(node), view, say);
  view.close();
  return { start: best, startProcessor, quiet, busy, restMemory: memory.now, peakMemory: memory.peak, restart };
}

async function oneStart(start: StartProxy, node: Namespace, size: Size, say: Say): Promise<number> {
  const view = new NftproxyView(node, size, 'TCP');
  const proxy = start(node);
  const complete = await untilComplete(proxy, view);
  say(`nftproxy: complete after ${complete.toFixed(0)} ms (lists done ${proxy.logged('are known')?.toFixed(0)} ms)`);
  await proxy.end('SIGTERM');
  view.close();
  return complete;
}

/** Adopting what an agent that was killed has left; says what was written. */
async function measureRestart(proxy: ProxyProcess, view: KernelView, say: Say): Promise<number> {
  const before = await view.generation();
  const adopted = await untilLogged(proxy, 'synced');
  const commits = (await view.generation()) - before;
  say(`nftproxy: restart: ${commits} commits; ${proxy.lineWith('adopted the table') ?? 'the table was not adopted'}`);
  await proxy.end('SIGTERM');
  return adopted;
}

async function measureKubeProxy(folder: string, cluster: BenchCluster, binary: string, say: Say): Promise<Figures> {
  const node = await cluster.addNode('kube-proxy');
  const view = new KubeProxyView(node, cluster.size, 'TCP');
  const proxy = (await kubeProxy(binary, folder, cluster.kubeconfig))(node);
  const start = await untilComplete(proxy, view);
  const startProcessor = await proxy.processorTime();
  await settle();
  say(`kube-proxy: in the kernel ${start.toFixed(0)} ms after its start: ${await view.count()}`);
  const memory = await proxy.memory();
  const quiet = await quietChanges(cluster, view, kubeProxyChanges, 2000);
  await proxy.end('SIGKILL');
  view.close();
  return { start, startProcessor, quiet, restMemory: memory.now, peakMemory: memory.peak };
}

function rowsOf(size: Size, ours: Figures, theirs: Figures | undefined): Row[] {
  const label = describeSize(size);
  const row = (what: string, unit: Row['unit'], value: (figures: Figures) => number | undefined): Row[] => {
    const nftproxy = value(ours);
    const other = theirs && value(theirs);
    if (nftproxy === undefined) return [];
    return [{ what: `${label}: ${what}`, unit, nftproxy, ...(other === undefined ? {} : { kubeProxy: other }) }];
  };
  return [
    ...row('process start → all in the kernel', 'ms', ({ start }) => start),
    ...row('processor time until then', 'ms', ({ startProcessor }) => startProcessor),
    ...row('one change, quiet, p50', 'ms', ({ quiet }) => median(quiet)),
    ...row('one change, quiet, p99 (of kube-proxy the worst of 5)', 'ms', ({ quiet }) => percentile(quiet, 0.99)),
    ...row(`one of ${changesPerSecond} changes/s, p50`, 'ms', ({ busy }) => busy && median(busy)),
    ...row(`one of ${changesPerSecond} changes/s, p99`, 'ms', ({ busy }) => busy && percentile(busy, 0.99)),
    ...row('memory at rest', 'MB', ({ restMemory }) => restMemory),
    ...row('memory, most until then', 'MB', ({ peakMemory }) => peakMemory),
    ...row('process start → adopted after SIGKILL', 'ms', ({ restart }) => restart),
  ];
}
