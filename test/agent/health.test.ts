import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { AgentRig } from './agent-rig.ts';
import { addresses, loadBalancer, slice } from '../support/node/index.ts';
import type { Pod } from '../support/node/index.ts';

let host: AgentRig;
let agent: ManagedProcess;
const healthCheckNodePort = 32100;
const url = { 4: `http://${addresses[4].node}`, 6: `http://[${addresses[6].node}]` } as const;

async function endpoints(
  pods: readonly Pod[],
  conditions?: { ready: boolean; serving: boolean; terminating: boolean },
): Promise<void> {
  for (const family of [4, 6] as const) await host.slice(`web-${family}`, slice('web', family, pods, conditions));
}

beforeAll(async () => {
  host = await AgentRig.create();
  await host.service('web', loadBalancer({ externalTrafficPolicy: 'Local', healthCheckNodePort }));
  await endpoints(['localPod', 'remotePod']);
  agent = await host.startedAgent();
}, 120_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
}, 60_000);

describe('a load balancer that asks the health-check node port of a Service with policy Local', () => {
  const ask = (family: 4 | 6, path = '/') => host.get('outside', `${url[family]}:${healthCheckNodePort}${path}`);

  it('gets 200, the weight and kube-proxy’s JSON while this node has a ready endpoint', async () => {
    for (const family of [4, 6] as const) {
      await host.until('an answer', async () => (await ask(family)).status === 200, agent);
      const answer = await ask(family, '/any/path');
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': '1',
      });
      expect(JSON.parse(answer.body)).toEqual({
        service: { namespace: 'default', name: 'web' },
        localEndpoints: 1,
        serviceProxyHealthy: true,
      });
    }
  });

  it('gets 503 and weight 0 when the endpoint on this node terminates, although it still serves', async () => {
    await endpoints(['localPod'], { ready: false, serving: true, terminating: true });
    await host.until('503', async () => (await ask(4)).status === 503, agent);
    const answer = await ask(6);
    expect(answer.status).toBe(503);
    expect(answer.headers['x-load-balancing-endpoint-weight']).toBe('0');
    expect(JSON.parse(answer.body)).toMatchObject({ localEndpoints: 0, serviceProxyHealthy: true });
  });

  it('gets 503 when the only endpoints are on other nodes, and 200 again when one comes', async () => {
    await endpoints(['remotePod']);
    await host.until('503', async () => (await ask(4)).status === 503, agent);
    await endpoints(['localPod']);
    await host.until('200', async () => (await ask(4)).status === 200, agent);
  });

  it('gets no answer at a node address that is none for NodePorts', async () => {
    await expect(host.get('outside', `http://172.31.0.1:${healthCheckNodePort}/`)).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('a node that is about to be removed', () => {
  const ask = (path: string) => host.get('outside', `${url[4]}:10256${path}`);

  it('is healthy and alive before, in kube-proxy’s words', async () => {
    const answer = await ask('/healthz');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({
      nodeEligible: true,
      healthy: true,
      status: { IPv4: { healthy: true }, IPv6: { healthy: true } },
    });
    expect((await ask('/livez')).status).toBe(200);
  });

  it('answers 503 at /healthz with the autoscaler’s taint, while /livez stays 200, and 200 when the taint goes', async () => {
    await host.patchNode({ spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } });
    await host.until('503', async () => (await ask('/healthz')).status === 503, agent);
    expect(JSON.parse((await ask('/healthz')).body)).toMatchObject({ nodeEligible: false });
    expect((await ask('/livez')).status).toBe(200);
    const [served] = await host.request('outside', { protocol: 'tcp', address: addresses[4].node, port: 30080 });
    expect(served?.error, 'connections are still served').toBeUndefined();
    await host.patchNode({ spec: { taints: [] } });
    await host.until('200', async () => (await ask('/healthz')).status === 200, agent);
  });
});
