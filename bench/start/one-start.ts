import { busyChanges, quietChanges } from '../scale/changes.ts';
import type { BenchCluster } from '../scale/cluster.ts';
import { IptablesView } from '../scale/iptables-view.ts';
import { KubeProxyView, NftproxyView } from '../scale/kernel-view.ts';
import type { KernelView } from '../scale/kernel-view.ts';
import { kubeProxy, nftproxy } from '../scale/proxies.ts';
import type { ProxyProcess, StartProxy } from '../scale/proxies.ts';
import { settle, untilComplete, untilLogged } from '../scale/start-up.ts';
import type { Candidate, Options } from './options.ts';

/** Of one start: milliseconds, megabytes. */
export interface Start {
  readonly complete: number;
  readonly processor: number;
  readonly rest: number;
  readonly peak: number;
  /** What followed upon the last start of each. */
  readonly changes?: Changes;
  /** After SIGKILL, until all was adopted; of builds of nftproxy, which say so. */
  readonly restart?: number;
}

/** Milliseconds from the acknowledgement of a write to its commit in the kernel. */
export interface Changes {
  readonly quiet: readonly number[];
  /**
   * Of builds of nftproxy in mode nftables, at sizes that have so many Services; kube-proxy needs longer for one than such
   * changes go on.
   */
  readonly churn?: Churn;
}

/** What {@link changesPerSecond} are like. */
export interface Churn {
  readonly latencies: readonly number[];
  /** Processor time meanwhile, as a share of one core. */
  readonly core: number;
}

export const changesPerSecond = 200;
/** At most, and no Service twice: who commits seldom would skip the first. */
const busySeconds = 5;
/** Longer than the agent's rest between two commits. */
const pauseMilliseconds = 150;
/** kube-proxy syncs once a second at most, and writes at a size like this for many seconds. */
const kubeProxyPause = 2000;
const fewChanges = { services: 5000, count: 5 } as const;

let starts = 0;

/** One start of one of them in a node of its own, and if it is the `last` also changes and a restart. */
export async function startOf(
  candidate: Candidate,
  o: { readonly options: Options; readonly folder: string; readonly cluster: BenchCluster; readonly last: boolean },
): Promise<Start> {
  const { options, folder, cluster, last } = o;
  const { path } = candidate;
  const build = path.endsWith('.js');
  const start = await (build
    ? nftproxy(folder, cluster.kubeconfig, { main: path, mode: options.mode })
    : kubeProxy(path, folder, cluster.kubeconfig, options.mode));
  const node = await cluster.addNode(`start-${starts++}`);
  const view =
    options.mode === 'iptables'
      ? new IptablesView(node, cluster.size)
      : new (build ? NftproxyView : KubeProxyView)(node, cluster.size, 'TCP');
  const proxy = start(node);
  try {
    const complete = await untilComplete(proxy, view);
    const processor = await proxy.processorTime();
    await settle();
    const { now: rest, peak } = await proxy.memory();
    const first = { complete, processor, rest, peak };
    if (!last || cluster.size.services === 0) {
      await proxy.end('SIGTERM');
      return first;
    }
    const changes = await changesOf(proxy, view, { cluster, options, build });
    await proxy.end('SIGKILL');
    return { ...first, changes, ...(build ? { restart: await restartOf(() => start(node)) } : {}) };
  } finally {
    if (proxy.running) await proxy.end('SIGKILL');
    view.close();
  }
}

async function changesOf(
  proxy: ProxyProcess,
  view: KernelView,
  { cluster, options, build }: { cluster: BenchCluster; options: Options; build: boolean },
): Promise<Changes> {
  const few = !build && cluster.size.services >= fewChanges.services;
  const count = few ? Math.min(fewChanges.count, options.changes) : options.changes;
  const quiet = await quietChanges(cluster, view, count, build ? pauseMilliseconds : kubeProxyPause);
  // Rules of iptables are read as a whole, for longer than such changes are apart.
  const mostSeconds = options.mode === 'iptables' ? 0 : busySeconds;
  const seconds = Math.min(mostSeconds, Math.floor(cluster.size.services / changesPerSecond));
  return { quiet, ...(build && seconds > 0 ? { churn: await churnOf(proxy, view, { cluster, seconds }) } : {}) };
}

async function churnOf(
  proxy: ProxyProcess,
  view: KernelView,
  { cluster, seconds }: { cluster: BenchCluster; seconds: number },
): Promise<Churn> {
  const before = { processor: await proxy.processorTime(), at: performance.now() };
  const latencies = await busyChanges(cluster, view, changesPerSecond, seconds);
  const core = ((await proxy.processorTime()) - before.processor) / (performance.now() - before.at);
  return { latencies, core };
}

async function restartOf(start: () => ReturnType<StartProxy>): Promise<number> {
  const proxy = start();
  const adopted = await untilLogged(proxy, 'synced');
  await proxy.end('SIGTERM');
  return adopted;
}
