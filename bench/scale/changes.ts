import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchCluster } from './cluster.ts';
import type { KernelView } from './kernel-view.ts';

/** Milliseconds from the acknowledgement of each write to its commit in the kernel, as seen from outside. */
export type Latencies = readonly number[];

const limitMilliseconds = 120_000;

/** The Service that the n-th change is about: all of them in turn, neighbours far apart. */
function serviceOf(change: number, services: number): number {
  return (change * 7919) % services;
}

/** An address that no endpoint has had before. */
function freshAddress(change: number): string {
  return `10.112.${(change >> 8) & 255}.${change & 255}`;
}

let changes = 0;

/**
 * One endpoint of one Service replaced by another, one change at a time with a pause after each. The kernel is polled
 * all the time from the acknowledgement on, so that polling adds microseconds (and keeps one processor busy).
 */
export async function quietChanges(
  cluster: BenchCluster,
  view: KernelView,
  count: number,
  pauseMilliseconds: number,
): Promise<Latencies> {
  const latencies: number[] = [];
  for (let round = 0; round < count; round++) {
    const change = changes++;
    const service = serviceOf(change, cluster.size.services);
    const address = freshAddress(change);
    const before = await view.generation();
    await cluster.replaceFirstEndpoint(service, address);
    const acknowledged = performance.now();
    latencies.push((await untilCommitted(view, before, { service, address })) - acknowledged);
    await sleep(pauseMilliseconds);
  }
  return latencies;
}

async function untilCommitted(
  view: KernelView,
  before: number,
  expected: { service: number; address: string },
): Promise<number> {
  const start = performance.now();
  let seen = before;
  while (performance.now() - start < limitMilliseconds) {
    const generation = await view.generation();
    const at = performance.now();
    if (generation !== seen) {
      seen = generation;
      if (await view.leadsTo(expected.service, expected.address)) return at;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`${expected.address} did not reach the kernel in ${limitMilliseconds} ms`);
}

interface Outstanding {
  readonly service: number;
  readonly address: string;
  /** Undefined until the write is acknowledged. */
  acknowledged?: number;
  committed?: number;
}

/** So many changes a second, each of another Service, for some seconds. */
export async function busyChanges(
  cluster: BenchCluster,
  view: KernelView,
  perSecond: number,
  seconds: number,
): Promise<Latencies> {
  const all: Outstanding[] = [];
  const writes: Promise<void>[] = [];
  const start = performance.now();
  const total = perSecond * seconds;
  let seen = await view.generation();
  const done = (): boolean => all.length === total && all.every(({ committed }) => committed !== undefined);
  while (!done()) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * perSecond));
    while (all.length < due) writes.push(write(cluster, all));
    const generation = await view.generation();
    const at = performance.now();
    if (generation !== seen) await noteCommitted(view, all, at);
    seen = generation;
    if (at - start > limitMilliseconds) throw new Error('changes did not reach the kernel');
    await sleep(1);
  }
  await Promise.all(writes);
  return all.map(({ acknowledged = Number.NaN, committed = Number.NaN }) => committed - acknowledged);
}

async function write(cluster: BenchCluster, all: Outstanding[]): Promise<void> {
  const change = changes++;
  const service = serviceOf(change, cluster.size.services);
  const entry: Outstanding = { service, address: freshAddress(change) };
  all.push(entry);
  await cluster.replaceFirstEndpoint(service, entry.address);
  entry.acknowledged = performance.now();
}

async function noteCommitted(view: KernelView, all: readonly Outstanding[], at: number): Promise<void> {
  for (const entry of all) {
    if (entry.committed !== undefined) continue;
    if (await view.leadsTo(entry.service, entry.address)) entry.committed = at;
  }
}
