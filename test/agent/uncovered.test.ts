import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { AgentRig } from './agent-rig.ts';
import { addresses, loadBalancer, slice } from '../support/node/index.ts';

let host: AgentRig;
let agent: ManagedProcess;
const ip = addresses[4];

beforeAll(async () => {
  host = await AgentRig.create();
  await host.publishCRDs();
  await host.service('web', loadBalancer());
  await host.slice('web-4', slice('web', 4, ['localPod']));
  await host.assign();
  agent = await started();
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

async function started(): Promise<ManagedProcess> {
  // No capability to override permissions: as in the DaemonSet.
  const next = host.startAssignedAgent({ capabilities: ['net_admin'] });
  await host.firstSync(next);
  return next;
}
const ask = async (address: string = ip.clusterIP, port = 80) =>
  (await host.request('clientPod', { protocol: 'tcp', address, port, timeoutMilliseconds: 1000 }))[0]?.error;
/** Takes the endpoints away and gives them back. */
async function follows(): Promise<void> {
  await host.slice('web-4', slice('web', 4, []));
  await host.until('no endpoints', async () => (await ask()) === 'ECONNREFUSED', agent);
  await host.slice('web-4', slice('web', 4, ['remotePod']));
  await host.until('endpoints', async () => (await ask()) === undefined, agent);
}
const uncovered = async () => (await host.metrics()).get('nftproxy_node_uncovered');

describe('a node whose ProxyConfig is deleted', () => {
  it('is served on, and its agent says that nothing governs it', async () => {
    expect(await uncovered()).toBe(0);
    await host.unassign();
    await host.until('a word about it', () => agent.output.includes('no ProxyConfig governs this node'), agent);
    expect(await uncovered()).toBe(1);
    await follows();
  });

  it('is served on when its agent restarts, and endpoints that move are followed', async () => {
    await agent.end('SIGKILL');
    await host.slice('web-4', slice('web', 4, ['localPod']));
    agent = await started();
    expect(agent.output).toContain('it goes on with the last good settings and follows endpoints config=default');
    expect([await ask(), await uncovered()]).toEqual([undefined, 1]);
    await follows();
  });

  it('has an Event on its Node that says so', async () => {
    const events = async () =>
      JSON.stringify(await host.client.get('/apis/events.k8s.io/v1/namespaces/default/events'));
    await host.until('the Event', async () => (await events()).includes('"NoConfiguration"'), agent);
    expect(await events()).toContain('Create a ProxyConfig that selects this node');
  });

  it('keeps its NodePorts when its Node object is deleted and the agent restarts', async () => {
    await agent.end('SIGTERM');
    await host.deleteNode();
    agent = await started();
    expect(agent.output).toContain('its last known addresses, pod CIDRs and zone stay until there is one');
    expect(await ask(ip.node, 30080)).toBeUndefined();
    await follows();
    await host.createNode();
  });

  it('is served on, too, when the API server knows no ProxyNodeStates any more and the agent restarts', async () => {
    await host.removeCRDs();
    await agent.end('SIGTERM');
    agent = await started();
    expect(agent.output).toContain('cannot follow the ProxyNodeState of this node');
    await follows();
    await host.publishCRDs();
  });

  it('is governed again as soon as something is assigned', async () => {
    await host.assign({ masqueradeAll: true });
    const client = async () =>
      (await host.request('clientPod', { protocol: 'tcp', address: ip.clusterIP, port: 80 }))[0]?.client;
    await host.until('masquerading', async () => !(await client())?.startsWith(`${ip.clientPod}:`), agent);
    expect(await uncovered()).toBe(0);
  });
});

describe('a node on which an agent finds no use in what its predecessor kept', () => {
  it('says so and waits for an assignment, while the kernel keeps what it has', async () => {
    await host.unassign();
    await agent.end('SIGTERM');
    await writeFile(join(host.stateDirectory, 'configuration.json'), '{"version":');
    agent = host.startAssignedAgent();
    await host.until('a word about it', () => agent.output.includes('it has never had one'), agent);
    expect(agent.output).toContain('the last good configuration of this node cannot be used');
    expect(await ask()).toBeUndefined();
    await host.assign();
    await follows();
  });
});

describe('a node on whose disk nothing can be written', () => {
  it('is served all the same, and says so', async () => {
    await agent.end('SIGTERM');
    await rm(host.stateDirectory, { recursive: true });
    await writeFile(host.stateDirectory, '');
    agent = await started();
    await host.until('a word about it', () => agent.output.includes('cannot keep the last good configuration'), agent);
    expect((await host.metrics()).get('nftproxy_last_good_configuration_kept')).toBe(0);
    await follows();
  });
});
