import { setTimeout as sleep } from 'node:timers/promises';
import { resourcePath } from '../../src/kubernetes/index.ts';
import type { Cluster } from '../../test/cluster/index.ts';
import { serviceObject, sliceObject } from '../../test/support/index.ts';
import type { RulesetMonitor } from './kernel.ts';

/** Milliseconds of one EndpointSlice write, from the moment it was sent. */
export interface WriteTiming {
  /** Until the API server had acknowledged it. */
  acknowledged: number;
  /** Until `nft monitor` on the node showed the new endpoint: the kernel had it a little earlier. */
  inKernel: number;
}

const namespace = 'default';
const name = 'latency';
const slicePath = resourcePath({ group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespace, name });

/**
 * Changes the endpoint of a Service of its own `count` times and measures each change on one node.
 * The pauses between the changes are longer than the agent's pacing, so that each is a first change.
 */
export async function measureWrites(cluster: Cluster, monitor: RulesetMonitor, count: number): Promise<WriteTiming[]> {
  await createService(cluster);
  const timings: WriteTiming[] = [];
  for (let index = 1; index <= count; index += 1) {
    const address = `192.0.2.${index}`;
    await sleep(250);
    const sent = performance.now();
    await cluster.client.mergePatch(slicePath, { endpoints: [{ addresses: [address], conditions: { ready: true } }] });
    const acknowledged = performance.now() - sent;
    timings.push({ acknowledged, inKernel: (await monitor.firstNotice(address, sent)) - sent });
  }
  return timings;
}

async function createService(cluster: Cluster): Promise<void> {
  const services = resourcePath({ version: 'v1', plural: 'services', namespace });
  const endpoint = { addresses: ['192.0.2.250'], conditions: { ready: true } };
  await cluster.client.create(services, serviceObject(name));
  await cluster.client.create(slicePath.replace(/\/[^/]+$/, ''), sliceObject(name, name, [endpoint]));
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
