import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { AgentRig } from './agent-rig.ts';
import { addresses, loadBalancer, slice } from '../support/node/index.ts';

let host: AgentRig;
let agent: ManagedProcess;
const ip = addresses[4];

beforeAll(async () => {
  host = await AgentRig.create();
  await host.service('web', loadBalancer());
  await host.slice('web-4', slice('web', 4, ['localPod', 'remotePod']));
  agent = await host.startedAgent();
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

/** The address under which an endpoint sees the client pod. */
async function seenAs(): Promise<string | undefined> {
  const [answer] = await host.request('clientPod', { protocol: 'tcp', address: ip.clusterIP, port: 80 });
  return answer?.client?.split(':')[0];
}

describe('the configuration file of a running agent', () => {
  it('is followed when it changes, without a restart, YAML or JSON', async () => {
    const { pid } = agent;
    expect(await seenAs()).toBe(ip.clientPod);
    await host.configure({ masqueradeAll: true });
    await host.until('masquerading', async () => (await seenAs()) !== ip.clientPod, agent);
    await host.configure();
    await host.until('no masquerading', async () => (await seenAs()) === ip.clientPod, agent);
    await host.configure({ masqueradeAll: true }, JSON.stringify);
    await host.until('masquerading again', async () => (await seenAs()) !== ip.clientPod, agent);
    await host.configure();
    await host.until('no masquerading again', async () => (await seenAs()) === ip.clientPod, agent);
    expect(agent.running && agent.pid === pid).toBe(true);
  });

  it('is kept out when it becomes invalid: the log names the field, the last good one stays in force', async () => {
    await host.configure({ nodePortAddresses: ['172.31.0.0/16'] });
    const outside = { protocol: 'tcp', address: '172.31.0.1', port: 30080 } as const;
    const served = async () => (await host.request('outside', outside))[0]?.error === undefined;
    await host.until('NodePorts at the other address', served, agent);
    const good = await host.configText();
    await writeFile(host.configFile, good.replace('172.31.0.0/16', 'everywhere'));
    await host.until('a word about it', () => agent.output.includes('spec.nodePortAddresses'), agent);
    expect(agent.output).toContain('the last good configuration stays in force');
    expect(await served()).toBe(true);
    await writeFile(host.configFile, ': this is no YAML [');
    await host.until('a word about it', () => (agent.output.match(/stays in force/g) ?? []).length === 2, agent);
    expect(await served()).toBe(true);
    await host.configure();
    await host.until('the corrected file', async () => !(await served()), agent);
  });
});

describe('settings of connection tracking', () => {
  it('become sysctls of the node’s network namespace', async () => {
    const name = 'net.netfilter.nf_conntrack_udp_timeout';
    await host.configure({ conntrack: { udpTimeout: '17s', tcpBeLiberal: true } });
    await host.until('the sysctl', async () => (await host.node.run('sysctl', ['-n', name])) === '17\n', agent);
    expect(await host.node.run('sysctl', ['-n', 'net.netfilter.nf_conntrack_tcp_be_liberal'])).toBe('1\n');
    await host.configure();
  });
});

describe('an agent whose configuration file is invalid from the start', () => {
  it('does not start, and says which field is wrong', async () => {
    const file = `${host.configFile}.bad`;
    await writeFile(file, (await host.configText()).replace('clusterCIDRs', 'clusterCidr'));
    const { exitCode, output } = await host.nftproxy('agent', ...host.agentArguments(file));
    expect(exitCode).not.toBe(0);
    expect(output).toContain('spec.clusterCidr');
  });
});

describe('a ServiceCIDR that is added later', () => {
  it('is applied at once: its unallocated addresses are dropped, and no longer once it has gone', async () => {
    const unallocated = { protocol: 'tcp', address: '10.97.0.7', port: 80, timeoutMilliseconds: 400 } as const;
    const error = async () => (await host.request('clientPod', unallocated))[0]?.error;
    const before = await error();
    expect(before).not.toBe('ETIMEDOUT');
    const path = '/apis/networking.k8s.io/v1/servicecidrs';
    const head = { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata: { name: 'more' } };
    await host.client.create(path, { ...head, spec: { cidrs: ['10.97.0.0/16'] } });
    await host.until('a drop', async () => (await error()) === 'ETIMEDOUT', agent);
    await host.client.mergePatch(`${path}/more`, { metadata: { finalizers: null } });
    await host.client.delete(`${path}/more`);
    await host.until('no drop', async () => (await error()) === before, agent);
  });
});

describe('a Node whose address changes', () => {
  it('has its NodePorts at the new address, without a restart', async () => {
    await host.node.run('ip', ['address', 'add', '172.30.0.9/32', 'dev', 'lo']);
    const ask = async (address: string) =>
      (await host.request('outside', { protocol: 'tcp', address, port: 30080 }))[0]?.error;
    expect(await ask(ip.node)).toBeUndefined();
    expect(await ask('172.30.0.9')).toBe('ECONNREFUSED');
    const status = { addresses: [{ type: 'InternalIP', address: '172.30.0.9' }] };
    await host.client.mergePatch('/api/v1/nodes/node-1/status', { status });
    await host.until('NodePorts at the new address', async () => (await ask('172.30.0.9')) === undefined, agent);
    expect(await ask(ip.node)).toBe('ECONNREFUSED');
  });
});

describe('a Node that is deleted', () => {
  const ask = async (address: string) =>
    (await host.request('outside', { protocol: 'tcp', address, port: 30080 }))[0]?.error;

  it('ends no NodePort: it answers at the last known address, and endpoints are followed', async () => {
    await host.deleteNode();
    await host.until('a word about it', () => agent.output.includes('the Node of this name is gone'), agent);
    await host.slice('web-4', slice('web', 4, []));
    await host.until('no endpoints', async () => (await ask('172.30.0.9')) === 'ECONNREFUSED', agent);
    await host.slice('web-4', slice('web', 4, ['localPod']));
    await host.until('an endpoint', async () => (await ask('172.30.0.9')) === undefined, agent);
  });

  it('is followed again once there is a Node of that name', async () => {
    await host.createNode([ip.node]);
    await host.until('NodePorts at its address', async () => (await ask(ip.node)) === undefined, agent);
    await host.until('none at the old one', async () => (await ask('172.30.0.9')) === 'ECONNREFUSED', agent);
  });
});
