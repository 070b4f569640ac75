import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resourcePath } from '../../src/kubernetes/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import { addresses, service } from '../support/node/index.ts';
import { AgentRig } from './agent-rig.ts';
import { endpoints, untilServedBy, visitsDuring } from './under-traffic.ts';

const { localPod, remotePod } = addresses[4];
const hour = 3_600_000;
const namespace = 'nftproxy-system';
const leases = resourcePath({ group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespace });
let host: AgentRig;
let agent: ManagedProcess;
let clockFile: string;

beforeAll(async () => {
  host = await AgentRig.create();
  await host.publishCRDs();
  await host.assign();
  const head = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await host.client.create(resourcePath({ version: 'v1', plural: 'namespaces' }), head);
  await host.service('web', service());
  await endpoints(host, 'localPod');
  await mkdir(host.toldDirectory, { recursive: true });
  clockFile = join(host.toldDirectory, 'clock');
  await writeFile(clockFile, '0');
  agent = host.startAssignedAgent({ clockFile });
  await host.firstSync(agent);
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

/** Sets the agent's wall clock: so many milliseconds ahead of the machine's. */
async function setClock(ahead: number): Promise<void> {
  await writeFile(clockFile, String(ahead));
  process.kill(agent.pid, 'SIGUSR2');
}

/** When the agent's Lease was renewed last, by its own clock. */
async function renewedAt(): Promise<number> {
  const { items } = await host.client.listAll<{ spec?: { renewTime?: string } }>(leases);
  return Date.parse(items[0]?.spec?.renewTime ?? '');
}

describe('an agent on a machine whose clock is set', { timeout: 180_000 }, () => {
  it.each([
    ['an hour forwards', hour],
    ['two hours back', -hour],
    ['right again', 0],
  ])('%s follows what changes, renews its Lease, and says nothing strange', async (_title, ahead) => {
    const { errors } = await visitsDuring(host, async () => {
      await setClock(ahead);
      const ready = await host.get('node', 'http://127.0.0.1:10256/readyz');
      expect([ready.status, ready.body]).toEqual([200, 'ok\n']);
      for (const pod of ['remotePod', 'localPod'] as const) {
        await endpoints(host, pod);
        await untilServedBy(host, agent, pod === 'localPod' ? localPod : remotePod);
      }
      await host.until('the Lease', async () => Math.abs((await renewedAt()) - Date.now() - ahead) < hour / 2, agent);
    });
    expect(errors).toEqual([]);
    for (const [name, value] of await host.metrics()) {
      // Node counts what its own heap has changed by, and some of that is negative.
      if (name.startsWith('nftproxy_') || name.startsWith('kubeproxy_')) expect(value, name).toBeGreaterThanOrEqual(0);
      if (name.startsWith('nftproxy_watch_last_event_age_seconds')) expect(value, name).toBeLessThan(hour / 1000 / 2);
    }
    const { status } = await host.nodeState();
    expect(status?.conditions?.find(({ type }) => type === 'Synced')?.status).toBe('True');
    expect(agent.output).not.toContain('cannot follow');
  });
});
