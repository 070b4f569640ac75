import { afterEach, expect, test } from 'vitest';
import type { HostPort } from '../host-port.ts';
import { TermRig } from '../testing/index.ts';
import { AgentsModule } from './agents.module.ts';
import { AgentsReconciler } from './agents-reconciler.ts';
import { apiServerOf } from './daemon-set.ts';

let rig: TermRig;

afterEach(() => rig.stop());

async function start(agentApiServer?: HostPort): Promise<AgentsReconciler> {
  rig = await TermRig.start(AgentsModule, agentApiServer === undefined ? {} : { agentApiServer });
  return rig.ofTerm(AgentsReconciler);
}

async function putApiServer(address: string): Promise<void> {
  await rig.put('EndpointSlice', 'kubernetes', {
    metadata: { labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
  });
  await rig.seen('the API server', ({ apiServers }) => apiServers[0]?.host === address);
}

const daemonSet = () => rig.get<{ metadata: { name: string; generation: number } }>('DaemonSet', 'nftproxy-agent');

test('agents run once it is known how they reach an API server, and follow it when it moves', async () => {
  const agents = await start();
  await expect(agents.reconcile()).rejects.toThrow('--agent-api-server');
  await putApiServer('192.0.2.10');
  await agents.reconcile();
  expect(apiServerOf(await daemonSet())).toEqual({ host: '192.0.2.10', port: 6443 });
  await rig.seen('the DaemonSet', (cache) => cache.daemonSet !== undefined);
  await agents.reconcile();
  expect((await daemonSet()).metadata.generation).toBe(1);
  await putApiServer('192.0.2.11');
  await agents.reconcile();
  expect(apiServerOf(await daemonSet())?.host).toBe('192.0.2.11');
});

test('an API server that was named on the command line decides alone', async () => {
  const agents = await start({ host: 'api.example', port: 443 });
  await putApiServer('192.0.2.10');
  await agents.reconcile();
  expect(apiServerOf(await daemonSet())).toEqual({ host: 'api.example', port: 443 });
});
