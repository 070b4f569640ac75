import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditionOf } from '../../src/api/index.ts';
import { isReady } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { breakingChanges, secondAddress } from './breaking-changes.ts';
import * as nftproxy from './nftproxy.ts';
import { rollout, Stage } from './stage.ts';

const root = process.getuid?.() === 0;
/** Of an API server in the middle of a rollout: longer than an operator holds its Lease without it. */
const outageSeconds = Number(process.env['NFTPROXY_TEST_OUTAGE_SECONDS'] ?? 25);

let stage: Stage;
let cluster: Cluster;

/** The same endpoints for clients outside of the cluster. */
const nodePort = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'echo-outside', namespace: 'default' },
  spec: { type: 'NodePort', selector: { app: 'echo' }, ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }] },
};

const outside = async () => (await cluster.network.outside.space.get('http://172.30.0.11:30080/', 1000)).status;

/** First one alone, and never more than two further ones at a time. */
function expectStages(counts: readonly number[]): void {
  expect(counts[0], 'the canary').toBe(1);
  for (const [index, count] of counts.slice(1).entries()) expect(count - counts[index]!).toBeLessThanOrEqual(2);
}

describe.skipIf(!root)('what changes nodes reaches them in stages (needs root)', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    stage = await Stage.set();
    cluster = stage.cluster;
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  test('a good change goes to a canary, then to the others, and no request fails meanwhile', async () => {
    const before = await stage.told();
    expect(new Set(Object.values(before)).size).toBe(1);
    let counts: readonly number[] = [];
    const failures = await stage.failuresDuring(async () => {
      await stage.edit({ masqueradeAll: true });
      counts = await stage.countsUntilAllAreTold(before);
      await stage.becomes('Ready');
    });
    expect(failures).toEqual([]);
    expectStages(counts);
    expect(await stage.verdicts()).toEqual({ flux: 'Current', argo: 'Healthy', waitReturns: true });
    const { status } = await stage.config();
    expect(status?.rollout?.phase).toBe('Complete');
    expect(status?.currentRevision).toBe(status?.updateRevision);
    await stage.edit();
    await stage.becomes('Ready');
  });

  describe('a change that breaks nodes hits the canary only, which goes back; status says what, where and what to do', () => {
    let before: Record<string, string>;

    beforeAll(async () => {
      const ip4 = (...args: string[]) => cluster.nodeExec('node-1', 'ip', ...args);
      await ip4('address', 'add', `${secondAddress}/32`, 'dev', 'lo');
      await ip4('route', 'add', '10.96.0.0/16', 'via', '172.30.0.2', 'src', secondAddress);
      await nftproxy.apply(cluster, nodePort);
      await cluster.waitFor('the NodePort', async () => (await outside()) === 200);
      before = await stage.told();
    });

    // One after the other, and nobody mends anything in between.
    test.each(breakingChanges)('$name', async ({ make, config = 'default', reason, says }) => {
      const uids = stage.uids();
      const spoken = await stage.timesTold('node-1');
      let seconds = 0;
      const failures = await stage.failuresDuring(async () => {
        await make(stage);
        await cluster.waitFor('the canary to be told', async () => (await stage.timesTold('node-1')) > spoken);
        const told = performance.now();
        await cluster.waitFor('the canary to be back', async () => {
          const isTold = (await stage.timesTold('node-1')) > spoken + 1 && (await stage.changedSince(before)) === 0;
          return isTold && stage.allRun() && (await stage.isSynced('node-1'));
        });
        seconds = (performance.now() - told) / 1000;
        await stage.becomes('Stalled', config);
      });
      expect(failures).toEqual([]);
      console.log(`${reason}: the canary was back ${seconds.toFixed(1)} s after it was told`);
      expect(await stage.told()).toEqual(before);
      expect(stage.uids().slice(1), 'the other agents').toEqual(uids.slice(1));
      const { status } = await stage.config(config);
      expect(status?.rollout?.phase).toBe('RolledBack');
      expect(status?.failedNodes).toMatchObject([{ name: 'node-1', reason }]);
      const stalled = conditionOf(status?.conditions, 'Stalled')?.message ?? '';
      expect(stalled).toMatch(/^revision [0-9a-f]{10} failed on 1 nodes, first node-1 \(/);
      expect(stalled).toMatch(says);
      expect(await stage.verdicts(config)).toEqual({ flux: 'Failed', argo: 'Degraded', waitReturns: false });
      const row = await cluster.kubectl('get', 'nftpc', config, '--no-headers');
      expect(row).toMatch(/ RolledBack +False +RolloutFailed +RolloutFailed /);
      if (config !== 'default') await cluster.kubectl('delete', 'nftpc', config);
    });

    test('Events tell the story, and a Pod that is deleted by hand gets the last good agent', async () => {
      expect(await stage.events()).toEqual(expect.arrayContaining(['RolloutStarted', 'RolloutFailed', 'RolledBack']));
      const [, second] = stage.agents();
      await cluster.kubectl('delete', 'pod', '-n', nftproxy.defaultNamespace, second!.metadata.name);
      await cluster.waitFor(
        'another agent there',
        () => stage.allRun() && !stage.uids().includes(second!.metadata.uid),
      );
      for (const { spec } of stage.agents()) {
        expect(spec.containers[0]?.image).toMatch(/nftproxy/);
        expect(spec.containers[0]?.args?.join(' ')).not.toContain('bind-address');
      }
      expect(await cluster.nodeExec('node-1', 'nft', 'list', 'table', 'inet', 'nftproxy')).not.toContain('ü');
    });

    test('taking the change back is all it needs', async () => {
      await stage.edit();
      await stage.becomes('Ready');
      expect(await stage.condition('Stalled')).toBeUndefined();
      expect(await stage.verdicts()).toEqual({ flux: 'Current', argo: 'Healthy', waitReturns: true });
    });

    test('agents that crash only after they were ready are as bad', async () => {
      // The one that could not start in the story before may still be on its way out.
      await cluster.waitFor('an agent on each node', () => stage.allRun());
      const uids = stage.uids();
      const canary = () => stage.agents()[0]!;
      const failures = await stage.failuresDuring(async () => {
        await stage.edit({ rollout: { ...rollout, canary: { soakSeconds: 30 } }, agent: { logLevel: 'debug' } });
        await cluster.waitFor('its agent to be ready', () => canary().metadata.uid !== uids[0] && isReady(canary()));
        await cluster.waitFor('it to be given up', async () => {
          const { status } = await stage.config();
          if (status?.rollout?.phase === 'RolledBack') return true;
          if (canary().metadata.uid !== uids[0] && isReady(canary())) {
            process.kill(cluster.pid(canary()), 'SIGSEGV');
            await cluster.waitFor('its end', () => !isReady(canary()));
          }
          return false;
        });
        await cluster.waitFor('the canary to be back', () => stage.allRun());
      });
      expect(failures).toEqual([]);
      expect(stage.uids().slice(1)).toEqual(uids.slice(1));
      const { status } = await stage.config();
      expect(status?.failedNodes).toMatchObject([{ name: 'node-1', reason: 'AgentNotRunning' }]);
      await stage.edit();
      await stage.becomes('Ready');
    });
  });

  describe('what need not fail on a canary', () => {
    test('is refused by the API server where a node need not be asked, with words', async () => {
      const refused = (spec: object, why: string) => expect(stage.edit(spec)).rejects.toThrow(why);
      await refused(
        { nodePortAddresses: ['fd00::1::/64'] },
        'every entry must be primary or a CIDR such as 10.244.0.0/16',
      );
      await refused({ mode: 'ebpf' }, 'spec.mode');
      const extraArgs = ['--healthz-bind-address=0.0.0.0:1'];
      await refused(
        { agent: { extraArgs } },
        '--healthz-bind-address cannot be given here: use spec.agent.healthzBindAddress',
      );
      const resources = { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } };
      await refused({ agent: { resources } }, 'requests.memory must not be above limits.memory');
    });

    test('overlapping nodePortAddresses are their union; conntrack that a node cannot have is told, and stops nothing', async () => {
      const failures = await stage.failuresDuring(async () => {
        await stage.edit({
          nodePortAddresses: ['172.16.0.0/12', '172.30.0.0/16'],
          conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '2000000h' },
        });
        await stage.becomes('Ready');
      });
      expect(failures).toEqual([]);
      await cluster.waitFor('the NodePort', async () => (await outside()) === 200);
      for (const { status } of await stage.nodes()) {
        expect(conditionOf(status?.conditions, 'ConntrackConfigured')).toMatchObject({
          ...{ status: 'False', reason: 'SettingsFailed' },
          message: expect.stringContaining('nf_conntrack_tcp_timeout_established') as string,
        });
      }
      expect(await stage.condition('Degraded')).toBe('False AsExpected');
    });
  });

  describe('a rollout on the way goes on where it was', () => {
    test('an operator that is killed on the way goes on where it was', async () => {
      const before = await stage.told();
      await stage.edit({ masqueradeAll: true });
      await cluster.waitFor('the canary to be told', async () => (await stage.changedSince(before)) === 1);
      const labels = { 'app.kubernetes.io/name': 'nftproxy-operator' };
      const [operator] = cluster.pods({ namespace: nftproxy.defaultNamespace, labels });
      process.kill(cluster.pid(operator!), 'SIGKILL');
      expectStages([1, ...(await stage.countsUntilAllAreTold(before))]);
      await stage.becomes('Ready');
      expect(await stage.failuresOf(20)).toEqual([]);
    });

    test('when the API server is away meanwhile, requests go on, and nobody goes back because of it', async () => {
      const before = await stage.told();
      const failedBefore = (await stage.events()).filter((reason) => reason === 'RolloutFailed').length;
      const failures = await stage.failuresDuring(async () => {
        await stage.edit();
        await cluster.waitFor('the canary to be told', async () => (await stage.changedSince(before)) === 1);
        await cluster.setApiServerReachable(false);
        await new Promise((resolve) => setTimeout(resolve, outageSeconds * 1000));
        expect(await stage.changedSince(before), 'nobody else is told').toBe(1);
        await cluster.setApiServerReachable(true);
        await stage.countsUntilAllAreTold(before);
        await stage.becomes('Ready');
      });
      expect(failures).toEqual([]);
      const failed = (await stage.events()).filter((reason) => reason === 'RolloutFailed').length;
      expect(failed).toBe(failedBefore);
      expect((await stage.config()).status?.rollout?.phase).toBe('Complete');
    });
  });

  describe('a new version of the agents', () => {
    const images = () => stage.agents().map(({ spec }) => spec.containers[0]?.image);

    test('a good one goes to a canary, then to the others; no request fails', async () => {
      const [old] = images();
      const counts: number[] = [];
      const failures = await stage.failuresDuring(async () => {
        await stage.upgradeTo('nftproxy:next');
        await cluster.waitFor(
          'every node to have it',
          () => {
            const changed = images().filter((image) => image === 'nftproxy:next').length;
            if (counts.at(-1) !== changed) counts.push(changed);
            return changed === cluster.nodes.length && stage.allRun();
          },
          120,
        );
        await stage.becomes('Ready');
      });
      expect(failures).toEqual([]);
      expect(old).not.toBe('nftproxy:next');
      expectStages(counts.filter((count) => count > 0));
      const revisions = (await stage.nodes()).map(({ spec, status }) => [spec.agentRevision, status?.agentRevision]);
      expect(new Set(revisions.flat()).size).toBe(1);
    });

    test('good settings of agents reach every node, and no request fails', async () => {
      const agent = {
        ...{ logLevel: 'debug', healthzBindAddress: '0.0.0.0:10356' },
        resources: { requests: { cpu: '10m' }, limits: { memory: '1Gi' } },
      };
      const failures = await stage.failuresDuring(async () => {
        await stage.edit({ agent });
        const haveIt = () =>
          stage.agents().every(({ spec }) => spec.containers[0]?.args?.includes('--log-level=debug'));
        await cluster.waitFor('every node to have it', haveIt, 120);
        await stage.becomes('Ready');
      });
      expect(failures).toEqual([]);
      for (const { spec } of stage.agents()) {
        expect(spec.containers[0]).toMatchObject({
          readinessProbe: { httpGet: { port: 10356 } },
          ports: [{ hostPort: 10356 }],
          resources: { requests: { cpu: '10m', memory: '150Mi' }, limits: { memory: '1Gi' } },
        });
      }
      await cluster.waitFor('all to be ready', () => stage.allRun());
    });
  });
});
