import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isReady } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const namespace = 'nftproxy-system';

/** One canary for two seconds, then two nodes at a time. */
const rollout = { canary: { nodes: 1, soakSeconds: 2 }, maxUnavailable: 2, maxFailed: 1, progressDeadlineSeconds: 60 };

describe.skipIf(!root)(
  'a new version of the agents reaches the nodes in stages (needs root)',
  { timeout: 180_000 },
  () => {
    let cluster: Cluster;
    let ip: string;

    beforeAll(async () => {
      // The client is on the node that is the canary.
      ({ cluster, ip } = await nftproxy.startWithTraffic(4, { rollout }));
    }, 180_000);
    afterAll(() => cluster.stop(), 60_000);

    const operator = ['-n', namespace, 'deployment/nftproxy-operator'];
    /** As kustomize does, or `kubectl set image`: the image is named once. */
    const upgradeTo = (image: string) => cluster.kubectl('set', 'image', ...operator, `operator=${image}`);
    /** What the operator says beside it is what agents run. */
    const runAgentsOf = (...args: string[]) =>
      cluster.kubectl(
        ...['patch', ...operator, '-p'],
        JSON.stringify({
          spec: { template: { spec: { containers: [{ name: 'operator', args: ['operator', ...args] }] } } },
        }),
      );
    const configured = (agent: object) => nftproxy.apply(cluster, nftproxy.proxyConfig({ rollout, agent }));
    const field = (path: string) => cluster.kubectl('get', 'nftpc', 'default', '-o', `jsonpath={${path}}`);
    const agents = () => {
      const labels = { 'app.kubernetes.io/component': 'agent' };
      return cluster
        .pods({ namespace, labels })
        .toSorted((a, b) => ((a.spec.nodeName ?? '') < (b.spec.nodeName ?? '') ? -1 : 1));
    };
    const images = () => agents().map(({ spec }) => spec.containers[0]?.image);
    const args = () => agents().map(({ spec }) => spec.containers[0]?.args ?? []);
    const uids = () => agents().map(({ metadata }) => metadata.uid);
    const revisions = async () => {
      const told = '{range .items[*]}{.spec.agentRevision}={.status.agentRevision} {end}';
      return (await cluster.kubectl('get', 'nftps', '-o', `jsonpath=${told}`)).trim().split(' ');
    };

    test('a good one goes to a canary, then to the others; no request fails', async () => {
      const [before] = images();
      const counts: number[] = [];
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await upgradeTo('nftproxy:next');
        await cluster.waitFor(
          'every node to have it',
          () => {
            const changed = images().filter((image) => image === 'nftproxy:next').length;
            if (counts.at(-1) !== changed) counts.push(changed);
            return changed === cluster.nodes.length && agents().every(isReady);
          },
          120_000,
        );
      });
      expect(result.failures).toEqual([]);
      expect(before).not.toBe('nftproxy:next');
      expect(
        counts.find((count) => count > 0),
        'the canary',
      ).toBe(1);
      for (const [index, count] of counts.slice(1).entries()) expect(count - counts[index]!).toBeLessThanOrEqual(2);
      await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');
      const [first, ...others] = await revisions();
      expect(first).toMatch(/^([0-9a-f]{10})=\1$/);
      expect(new Set(others)).toEqual(new Set([first]));
    });

    test('one that cannot run gets no further than the canary, which goes back; nothing else notices', async () => {
      const before = uids();
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await runAgentsOf('--image=registry.example/broken:1');
        await cluster.kubectl('wait', '--for=condition=Stalled', 'nftpc/default', '--timeout=120s');
        await cluster.waitFor('the canary to be back', () => agents().length === 4 && agents().every(isReady));
      });
      expect(result.failures).toEqual([]);
      expect(images()).toEqual(Array.from({ length: 4 }, () => 'nftproxy:next'));
      // The others have never been touched.
      expect(uids().slice(1)).toEqual(before.slice(1));
      expect(await field('.status.rollout.phase')).toBe('RolledBack');
      expect(await field('.status.failedNodes[*].name')).toBe('node-1');
      expect(await field('.status.conditions[?(@.type=="Stalled")].message')).toMatch(
        /failed on 1 nodes, first node-1 \(AgentNotRunning: the agent does not run: (CrashLoopBackOff|CreateContainerError).*kubectl logs --previous of Pod nftproxy-agent-/,
      );
    });

    test('a node that joins then gets the last good one, and so do Pods that are deleted by hand', async () => {
      const [, second] = agents();
      await cluster.kubectl('delete', 'pod', '-n', namespace, second!.metadata.name);
      await cluster.waitFor(
        'another agent there',
        () => agents().length === 4 && !uids().includes(second!.metadata.uid),
      );
      expect(images()).toEqual(Array.from({ length: 4 }, () => 'nftproxy:next'));
    });

    test('taking it back is all it needs', async () => {
      await runAgentsOf('--log-format=json');
      await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');
      expect(await field('.status.conditions[?(@.type=="Stalled")].status')).toBe('');
    });

    test('so do settings of agents that they cannot run with: the ProxyConfig says so, and one node noticed', async () => {
      const before = uids();
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await configured({ extraArgs: ['--no-such-flag'] });
        await cluster.kubectl('wait', '--for=condition=Stalled', 'nftpc/default', '--timeout=120s');
        await cluster.waitFor('the canary to be back', () => agents().length === 4 && agents().every(isReady));
      });
      expect(result.failures).toEqual([]);
      expect(uids().slice(1)).toEqual(before.slice(1));
      expect(args().flat()).not.toContain('--no-such-flag');
      expect(await field('.status.rollout.phase')).toBe('RolledBack');
      expect(await field('.status.failedNodes[*].name')).toBe('node-1');
      expect(await field('.status.conditions[?(@.type=="Stalled")].message')).toMatch(
        /failed on 1 nodes, first node-1 \(AgentNotRunning: the agent does not run: CrashLoopBackOff.*kubectl logs --previous of Pod/,
      );
    });

    test('good ones reach every node, and no request fails', async () => {
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await configured({
          ...{ logLevel: 'debug', healthzBindAddress: '0.0.0.0:10356' },
          resources: { requests: { cpu: '10m' }, limits: { memory: '1Gi' } },
        });
        await cluster.waitFor('every node to have it', () => args().every((own) => own.includes('--log-level=debug')));
        await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=120s');
      });
      expect(result.failures).toEqual([]);
      for (const { spec } of agents()) {
        expect(spec.containers[0]).toMatchObject({
          readinessProbe: { httpGet: { port: 10356 } },
          ports: [{ hostPort: 10356 }],
          resources: { requests: { cpu: '10m', memory: '150Mi' }, limits: { memory: '1Gi' } },
        });
      }
      expect(agents().every(isReady)).toBe(true);
    });

    test('what only the operator can say is refused, with what to do instead', async () => {
      await expect(configured({ extraArgs: ['--healthz-bind-address=0.0.0.0:1'] })).rejects.toThrow(
        '--healthz-bind-address cannot be given here: use spec.agent.healthzBindAddress',
      );
      const resources = { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } };
      await expect(configured({ resources })).rejects.toThrow('requests.memory must not be above limits.memory');
    });
  },
);
