import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;

/** One canary for two seconds, then two nodes at a time. */
const rollout = { canary: { nodes: 1, soakSeconds: 2 }, maxUnavailable: 2, maxFailed: 1, progressDeadlineSeconds: 60 };

/** A name of 15 characters, as many as an interface may have, but of 30 bytes: only a node can tell that it is too long. */
const breaks = { rollout, detectLocal: { mode: 'BridgeInterface', bridgeInterface: 'ü'.repeat(15) } };

describe.skipIf(!root)(
  'a change of a ProxyConfig reaches the nodes in stages (needs root)',
  { timeout: 180_000 },
  () => {
    let cluster: Cluster;
    let ip: string;

    beforeAll(async () => {
      // The client is on the node that is the canary.
      ({ cluster, ip } = await nftproxy.startWithTraffic(4, { rollout }));
    }, 180_000);
    afterAll(() => cluster.stop(), 60_000);

    const field = (path: string) => cluster.kubectl('get', 'nftpc', 'default', '-o', `jsonpath={${path}}`);
    const condition = (type: string) => field(`.status.conditions[?(@.type=="${type}")].status`);
    /** By node, the revision that it was told. */
    const told = async (): Promise<Record<string, string>> => {
      const text = await cluster.kubectl(
        ...['get', 'nftps', '-o', 'jsonpath={range .items[*]}{.metadata.name}={.spec.revision} {end}'],
      );
      return Object.fromEntries(
        text
          .trim()
          .split(' ')
          .map((pair) => pair.split('=') as [string, string]),
      );
    };
    const ready = () => cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');

    test('a good change goes to a canary, then to the others, and no request fails meanwhile', async () => {
      const before = new Set(Object.values(await told()));
      expect(before.size).toBe(1);
      const seen: number[] = [];
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await nftproxy.apply(cluster, nftproxy.proxyConfig({ rollout, masqueradeAll: true }));
        await cluster.waitFor('every node to be told', async () => {
          const changed = Object.values(await told()).filter((revision) => !before.has(revision)).length;
          if (seen.at(-1) !== changed) seen.push(changed);
          return changed === cluster.nodes.length;
        });
        await ready();
      });
      expect(result.failures).toEqual([]);
      // First one alone, and never more than two further ones at a time.
      expect(seen.filter((count) => count > 0)[0]).toBe(1);
      for (const [index, count] of seen.slice(1).entries()) expect(count - seen[index]!).toBeLessThanOrEqual(2);
      expect(await field('.status.rollout.phase')).toBe('Complete');
      expect(await field('.status.currentRevision')).toBe(await field('.status.updateRevision'));
    });

    test('a change that breaks nodes hits the canary only, which goes back; status says what, where and what to do', async () => {
      const before = await told();
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        await nftproxy.apply(cluster, nftproxy.proxyConfig(breaks));
        await cluster.kubectl('wait', '--for=condition=Stalled', 'nftpc/default', '--timeout=90s');
      });
      expect(result.failures).toEqual([]);
      expect(await told()).toEqual(before);
      expect(await condition('Ready')).toBe('False');
      expect(await condition('Reconciling')).toBe('');
      expect(await field('.status.rollout.phase')).toBe('RolledBack');
      expect(await field('.status.failedNodes[*].name')).toBe('node-1');
      const message = await field('.status.conditions[?(@.type=="Stalled")].message');
      expect(message).toMatch(
        /^revision [0-9a-f]{10} failed on 1 nodes, first node-1 \(SettingsRefused: .*not an interface name/,
      );
      expect(message).toMatch(/nodes have gone back to revision [0-9a-f]{10}.* Edit the spec to try again$/);
      const events = await cluster.kubectl('get', 'events', '-A', '-o', 'jsonpath={.items[*].reason}');
      expect(events.split(' ')).toEqual(expect.arrayContaining(['RolloutStarted', 'RolloutFailed', 'RolledBack']));
      // The node that was tried on works as before.
      await cluster.waitFor('the canary to be in sync again', async () => {
        const synced = 'jsonpath={.status.conditions[?(@.type=="Synced")].status}';
        return (await cluster.kubectl('get', 'nftps', 'node-1', '-o', synced)) === 'True';
      });
      expect(await cluster.nodeExec('node-1', 'nft', 'list', 'table', 'inet', 'nftproxy')).not.toContain('ü');
    });

    test('taking the change back is all it needs', async () => {
      await nftproxy.apply(cluster, nftproxy.proxyConfig({ rollout, masqueradeAll: true }));
      await ready();
      expect(await condition('Stalled')).toBe('');
    });

    test('settings that cut the canary off are taken back by its agent itself, and by the rollout', async () => {
      // The node connects to Services from an address that nobody but itself knows: without masquerading nothing answers.
      const second = '198.51.100.1';
      const ip4 = (...args: string[]) => cluster.nodeExec('node-1', 'ip', ...args);
      await ip4('address', 'add', `${second}/32`, 'dev', 'lo');
      await ip4('route', 'add', '10.96.0.0/16', 'via', '172.30.0.2', 'src', second);
      await nftproxy.apply(cluster, nftproxy.proxyConfig({ rollout }));
      await ready();
      const before = await told();
      const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
        // Calls that address a pod's.
        await nftproxy.apply(cluster, nftproxy.proxyConfig({ rollout, clusterCIDRs: ['128.0.0.0/1', '::/0'] }));
        await cluster.kubectl('wait', '--for=condition=Stalled', 'nftpc/default', '--timeout=90s');
      });
      expect(result.failures).toEqual([]);
      expect(await told()).toEqual(before);
      expect(await field('.status.conditions[?(@.type=="Stalled")].message')).toMatch(
        /failed on 1 nodes, first node-1 \(SettingsRolledBack: .*could not with them: .*Service default\//,
      );
      await nftproxy.apply(cluster, nftproxy.proxyConfig({ rollout, masqueradeAll: true }));
      await ready();
    });

    test('an operator that is killed on the way goes on where it was', async () => {
      const before = new Set(Object.values(await told()));
      const changed = async () => Object.values(await told()).filter((revision) => !before.has(revision)).length;
      await nftproxy.apply(cluster, nftproxy.proxyConfig({ rollout }));
      await cluster.waitFor('the canary to be told', async () => (await changed()) === 1);
      const labels = { 'app.kubernetes.io/name': 'nftproxy-operator' };
      const [operator] = cluster.pods({ namespace: 'nftproxy-system', labels });
      process.kill(cluster.pid(operator!), 'SIGKILL');
      await cluster.waitFor('all to be told', async () => (await changed()) === cluster.nodes.length);
      await ready();
      expect((await nftproxy.request(cluster, 'client', ip, 20)).failures).toEqual([]);
    });
  },
);
