import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { AgentRig } from './agent-rig.ts';
import { addresses, loadBalancer, slice } from '../support/node/index.ts';

let host: AgentRig;
let agent: ManagedProcess;
const loopback = { 4: '127.0.0.1', 6: '::1' } as const;

beforeAll(async () => {
  host = await AgentRig.create();
  await host.service('web', loadBalancer());
  for (const family of [4, 6] as const) {
    await host.slice(`web-${family}`, slice('web', family, ['localPod', 'remotePod']));
  }
  agent = await host.startedAgent();
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

async function ask(family: 4 | 6, protocol: 'tcp' | 'udp', count: number) {
  const request = { protocol, address: loopback[family], port: 30080, count, timeoutMilliseconds: 1500 };
  return host.request('node', request);
}

describe('a process of the node that connects to a NodePort on the loopback address', () => {
  for (const family of [4, 6] as const) {
    it(`reaches all endpoints over TCP, without route_localnet (${loopback[family]})`, async () => {
      await host.until('the listener', async () => (await ask(family, 'tcp', 1))[0]?.error === undefined, agent);
      const answers = await ask(family, 'tcp', 40);
      expect(answers.map((answer) => answer.error).filter(Boolean)).toEqual([]);
      const { localPod, remotePod } = addresses[family];
      const servers = answers.map(({ server = '' }) => server);
      for (const pod of [localPod, remotePod]) expect(servers.some((server) => server.includes(pod))).toBe(true);
    });

    it(`is refused over UDP, as with kube-proxy (${loopback[family]})`, async () => {
      expect((await ask(family, 'udp', 1))[0]?.error).toBe('ECONNREFUSED');
    });
  }

  it('leaves route_localnet off', async () => {
    expect(await host.node.run('sysctl', ['-n', 'net.ipv4.conf.all.route_localnet'])).toBe('0\n');
  });

  it('is counted, and refused once the Service is gone', async () => {
    const metrics = await host.metrics();
    expect(metrics.get('nftproxy_localhost_node_port_connections_total{result="forwarded"}')).toBeGreaterThan(80);
    expect(metrics.get('kubeproxy_nftables_localhost_nodeport_listeners{ip_family="IPv4"}')).toBe(1);
    await host.delete('services', 'web');
    await host.until('it to close', async () => (await ask(4, 'tcp', 1))[0]?.error === 'ECONNREFUSED', agent);
    await host.until('it to close', async () => (await ask(6, 'tcp', 1))[0]?.error === 'ECONNREFUSED', agent);
  });
});
