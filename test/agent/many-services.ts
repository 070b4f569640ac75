import { resourcePath } from '../../src/kubernetes/index.ts';
import type { EndpointSliceObject, ServiceObject } from '../../src/services/index.ts';
import { defaultNamespace as namespace, serviceObject, sliceObject } from '../support/index.ts';
import type { ManagedProcess, Random } from '../support/index.ts';
import { addresses, service } from '../support/node/index.ts';
import { AgentRig } from './agent-rig.ts';
import { endpoints, untilServedBy } from './under-traffic.ts';

const paths = {
  services: resourcePath({ version: 'v1', plural: 'services', namespace }),
  slices: resourcePath({ group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespace }),
};
const nameOf = (number: number): string => `many-${number}`;
const addressOf = (number: number): string => `10.96.${(number >> 8) + 1}.${number & 255}`;

/** A Service of many. */
export function manyService(number: number): object {
  return serviceObject(nameOf(number), { clusterIP: addressOf(number), clusterIPs: [addressOf(number)] });
}

/** The slice of one, with so many endpoints; another `version` has others. */
export function manySlice(number: number, count: number, version = 0): object {
  const endpoints = Array.from({ length: count }, (_, n) => ({
    addresses: [`10.${201 + n}.${((number + version) >> 8) & 255}.${(number + version) & 255}`],
    nodeName: 'node-2',
  }));
  return sliceObject(`${nameOf(number)}-4`, nameOf(number), endpoints, { addressType: 'IPv4' });
}

/** Puts so many Services with three endpoints each there, at once. */
export function loadMany(host: AgentRig, count: number): void {
  const numbers = Array.from({ length: count }, (_, number) => number);
  // `as`: objects as the tests make them are objects of Kubernetes.
  host.apiServer.load(numbers.flatMap((number) => [manyService(number), manySlice(number, 3)]) as never);
}

/** A node with an agent that serves so many Services, and `web` with two endpoints. */
export async function servingMany(count: number): Promise<{ host: AgentRig; agent: ManagedProcess }> {
  const host = await AgentRig.create();
  await host.service('web', service());
  await endpoints(host, 'localPod', 'remotePod');
  loadMany(host, count);
  const agent = await host.startedAgent();
  await untilServedBy(host, agent, addresses[4].localPod, addresses[4].remotePod);
  return { host, agent };
}

/** Changes one of so many Services in some way: its endpoints, or it goes, or it comes back. */
export async function changeOne(host: AgentRig, random: Random, count: number): Promise<void> {
  const number = random.below(count);
  const [plural, name, made] = random.chance(70)
    ? (['endpointslices', `${nameOf(number)}-4`, manySlice(number, random.below(4), random.below(5000))] as const)
    : (['services', nameOf(number), manyService(number)] as const);
  const there = (await stored(host, plural)).has(name);
  if (there && random.chance(30)) await host.delete(plural, name);
  else host.apiServer.load([made] as never);
}

async function stored(host: AgentRig, plural: 'services' | 'endpointslices'): Promise<Set<string>> {
  const list = await host.client.listAll<{ metadata: { name: string } }>(
    plural === 'services' ? paths.services : paths.slices,
  );
  return new Set(list.items.map(({ metadata }) => metadata.name));
}

type Named<T> = T & { readonly metadata: { readonly name: string; readonly labels?: Record<string, string> } };

/** What a fresh list of the API server has the kernel hold: ClusterIP and endpoint, a line each, of port 80 over TCP and IPv4. */
export async function wantedByList(host: AgentRig): Promise<string[]> {
  const services = await host.client.listAll<Named<ServiceObject>>(paths.services);
  const slices = await host.client.listAll<Named<EndpointSliceObject>>(paths.slices);
  const slicesOf = Map.groupBy(slices.items, ({ metadata }) => metadata.labels?.['kubernetes.io/service-name']);
  return services.items
    .flatMap(({ metadata: { name }, spec }) =>
      (slicesOf.get(name) ?? [])
        .filter(({ addressType }) => addressType === 'IPv4')
        .flatMap(({ endpoints }) => endpoints?.flatMap((endpoint) => endpoint?.addresses ?? []) ?? [])
        .map((address) => `${spec?.clusterIP ?? ''} ${String(address)}`),
    )
    .filter((line) => line.startsWith('10.96.') && !line.startsWith('10.96.0.1 '))
    .sort();
}

/** What the kernel holds of that, as nft, the independent witness, lists it. */
export async function heldByKernel(host: AgentRig): Promise<string[]> {
  const listing = await host.nft('list', 'table', 'inet', 'nftproxy');
  const pattern = /(10\.96\.\d+\.\d+) \. tcp \. 80 \. \d+ : ([\d.]+) /g;
  return [...new Set([...listing.matchAll(pattern)].map(([, address, endpoint]) => `${address} ${endpoint}`))].sort();
}

/** Whether the kernel holds what a fresh list says. */
export async function kernelAgreesWithList(host: AgentRig): Promise<boolean> {
  return JSON.stringify(await heldByKernel(host)) === JSON.stringify(await wantedByList(host));
}
