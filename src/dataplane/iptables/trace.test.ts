import { expect, it } from 'vitest';
import type { ServicePort } from '../../services/index.ts';
import type { Explanation, NodeSettings, Packet } from '../data-plane.ts';
import { plainNode, servicePort } from '../testing/index.ts';
import type { ChainKey, Rules } from './chains.ts';
import { FamilyRules } from './family-rules.ts';
import { trace } from './trace.ts';

const node: NodeSettings = {
  ...plainNode,
  detectors: { 4: { by: 'source' } },
  localSources: ['10.244.0.0/16'],
  nodePortAddresses: ['172.30.0.1/32'],
};

/** What becomes of a packet on a node with this Service port. */
function explain(port: Partial<ServicePort>, packet: Partial<Packet>): Explanation {
  const rules = new FamilyRules(4, node);
  const desired = servicePort(1, ['10.244.1.2', '10.244.2.2'], port);
  rules.put(desired.port.id, desired);
  const chains = new Map<ChainKey, Rules>();
  for (const [key, chain] of rules.takeTouched()) if (chain) chains.set(key, chain);
  return trace(chains, {
    ...{ source: '203.0.113.9', destination: '10.96.0.1', protocol: 'tcp', port: 80 },
    ...{ fromHost: false, fromPod: undefined, toHost: false, masqueradeAll: false },
    ...packet,
  });
}

const local = {
  frontends: [
    { kind: 'LoadBalancerIP', address: '192.0.2.10', port: 80, policy: 'Local' },
    { kind: 'NodePort', port: 30080, policy: 'Local' },
  ],
  localEndpoints: [{ address: '10.244.1.2', port: 8080, local: true, weight: 1 }],
} as const;

it('a pod reaches all endpoints at the ClusterIP with its own address, others with another one', () => {
  expect(explain({}, { source: '10.244.9.9' })).toMatchObject({
    action: 'forward',
    frontend: 'service',
    endpoints: ['10.244.1.2:8080', '10.244.2.2:8080'],
    masquerade: false,
  });
  expect(explain({}, {}).masquerade).toBe(true);
});

it('external policy Local: outside clients get endpoints of this node, pods and the node all', () => {
  const toVIP = { destination: '192.0.2.10' };
  expect(explain(local, toVIP)).toMatchObject({ endpoints: ['10.244.1.2:8080'], masquerade: false });
  expect(explain(local, { ...toVIP, fromPod: true }).endpoints).toHaveLength(2);
  expect(explain(local, { ...toVIP, fromHost: true })).toMatchObject({ masquerade: true });
  expect(explain(local, { ...toVIP, fromHost: true }).endpoints).toHaveLength(2);
  expect(explain({ ...local, localEndpoints: [] }, toVIP).action).toBe('drop');
});

it('a NodePort answers at an address that accepts them, and only if that is the node’s', () => {
  const toNode = { destination: '172.30.0.1', port: 30080 };
  expect(explain(local, { ...toNode, toHost: true })).toMatchObject({ action: 'forward', frontend: 'nodePort' });
  expect(explain(local, toNode).action).toBe('pass');
});

it('source ranges, ports that a ClusterIP does not have, addresses that no Service has', () => {
  const frontends = [
    { kind: 'LoadBalancerIP', address: '192.0.2.10', port: 80, policy: 'Cluster', sourceRanges: ['198.51.100.0/24'] },
  ] as const;
  const guarded = { frontends };
  expect(explain(guarded, { destination: '192.0.2.10' }).action).toBe('drop');
  expect(explain(guarded, { destination: '192.0.2.10', source: '198.51.100.1' }).action).toBe('forward');
  expect(explain({}, { port: 81 }).action).toBe('reject');
  expect(explain({}, { destination: '10.96.7.7' }).action).toBe('drop');
  expect(explain({}, { destination: '203.0.113.1' }).action).toBe('pass');
});

it('says how an endpoint is chosen, and refuses for a Service that has none', () => {
  expect(
    explain({ affinitySeconds: 60 }, {})
      .steps.map(({ text }) => text)
      .join(),
  ).toContain('session affinity');
  expect(explain({ affinitySeconds: 60 }, {}).endpoints).toHaveLength(2);
  expect(
    explain({ algorithm: 'round-robin' }, {})
      .steps.map(({ text }) => text)
      .join(),
  ).toContain('round robin over 2 endpoints');
  expect(explain({ clusterEndpoints: [], hasAnyEndpoints: false }, {}).action).toBe('reject');
});
