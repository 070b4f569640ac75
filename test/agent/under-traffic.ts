import { expect } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { addresses, slice } from '../support/node/index.ts';
import type { Pod } from '../support/node/index.ts';
import type { AgentRig } from './agent-rig.ts';

const { clusterIP } = addresses[4];

/** What became of connections that came while something happened. */
export interface Visits {
  readonly count: number;
  /** Addresses of the endpoints that answered. */
  readonly servers: ReadonlySet<string>;
  /** Error codes of those that failed. */
  readonly errors: readonly string[];
}

/** Writes the endpoints of the Service `web`, as its controller does. */
export function endpoints(host: AgentRig, ...pods: readonly Pod[]): Promise<void> {
  return host.slice('web-4', slice('web', 4, pods));
}

/** The endpoints that the kernel sends new connections to the Service at an address to, as nft lists them. */
export async function servedBy(host: AgentRig, address: string = clusterIP): Promise<Set<string>> {
  const listing = await host.nft('list', 'table', 'inet', 'nftproxy');
  const of = new RegExp(`${address.replaceAll('.', '\\.')} \\. tcp \\. 80 \\. \\d+ : ([\\d.]+) `, 'g');
  return new Set([...listing.matchAll(of)].map(([, endpoint = '']) => endpoint));
}

/** Waits until the kernel sends new connections to the Service `web` to these and nobody else. */
export async function untilServedBy(
  host: AgentRig,
  agent: ManagedProcess,
  ...wanted: readonly string[]
): Promise<void> {
  await host.until(
    `${wanted.join(' and ')} in the kernel`,
    async () => {
      const found = await servedBy(host);
      return found.size === wanted.length && wanted.every((address) => found.has(address));
    },
    agent,
  );
}

/** Connections to the Service `web`, one after the other on two lanes, while something happens. */
export async function visitsDuring(host: AgentRig, happening: () => Promise<void>): Promise<Visits> {
  const client = await host.resident('clientPod');
  await client.flood({ address: clusterIP, port: 80, concurrency: 2 });
  const outcome = await happening().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const visits = await client.endFlood();
  if (outcome) throw outcome.error;
  expect(visits.length).toBeGreaterThan(10);
  return {
    count: visits.length,
    servers: new Set(visits.flatMap(({ server }) => server ?? [])),
    errors: visits.flatMap(({ error }) => error ?? []),
  };
}
