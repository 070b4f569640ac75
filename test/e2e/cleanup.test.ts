import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditionOf } from '../../src/api/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const nodes = ['node-1', 'node-2', 'node-3'];

describe.skipIf(!root)('a ProxyConfig that says onDelete: Cleanup (needs root)', { timeout: 240_000 }, () => {
  let cluster: Cluster;
  let ip: string;

  beforeAll(async () => {
    ({ cluster, ip } = await nftproxy.startWithTraffic(nodes.length, { onDelete: 'Cleanup' }));
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  /** Nodes whose kernel has the table. */
  const withTable = async () => {
    const tables = await Promise.all(nodes.map((node) => cluster.nodeExec(node, 'nft', 'list', 'tables')));
    return nodes.filter((_node, index) => tables[index]?.includes('table inet nftproxy'));
  };
  const uncovered = async () => {
    const states = await nftproxy.nodeStates(cluster);
    return states.flatMap(({ status }) => conditionOf(status?.conditions, 'Uncovered')?.reason ?? []);
  };
  /** When each node was told to clean up, and since when it has said that it is clean (in whole seconds): first told first. */
  const cleanups = async () => {
    const times = (await nftproxy.nodeStates(cluster)).map(({ spec, status }) => ({
      told: Date.parse(spec.cleanup?.startedAt ?? ''),
      clean: Date.parse(conditionOf(status?.conditions, 'Synced')?.lastTransitionTime ?? ''),
    }));
    return times.sort((a, b) => a.told - b.told);
  };

  test('a slip in its nodeSelector is told before anything goes, and mending it is all it needs', async () => {
    const result = await nftproxy.requestWhile(cluster, { pod: 'client', address: ip }, async () => {
      const nodeSelector = { matchLabels: { pool: 'no-such-pool' } };
      await nftproxy.apply(cluster, nftproxy.proxyConfig({ onDelete: 'Cleanup', nodeSelector }));
      await cluster.waitFor('every node to say what is about to happen', async () => {
        return (await uncovered()).filter((reason) => reason === 'CleanupPending').length === nodes.length;
      });
      const degraded = '{.status.conditions[?(@.type=="Degraded")].message}';
      expect(await cluster.kubectl('get', 'nftpc', 'default', '-o', `jsonpath=${degraded}`)).toContain(
        'their rules are removed (onDelete: Cleanup)',
      );
      await nftproxy.configure(cluster, { onDelete: 'Cleanup' });
      await cluster.waitFor('nobody to be uncovered', async () => (await uncovered()).length === 0);
    });
    expect(result.failures).toEqual([]);
    expect(await withTable()).toEqual(nodes);
  });

  test('deleted, takes its rules with it: one node first, also when the operator is killed in between', async () => {
    // Nothing holds it up.
    await cluster.kubectl('delete', 'nftpc', 'default', '--timeout=10s');
    await cluster.waitFor('every node to say so', async () => (await uncovered()).length === nodes.length);
    await cluster.kubectl(
      'delete',
      'pod',
      '-n',
      nftproxy.defaultNamespace,
      '-l',
      'app.kubernetes.io/name=nftproxy-operator',
    );
    await cluster.waitFor('no node to have the table', async () => (await withTable()).length === 0, 180_000);
    await cluster.waitFor('every node to say that it is clean', async () => {
      return (await uncovered()).filter((reason) => reason === 'CleanedUp').length === nodes.length;
    });
    const [first, ...others] = await cleanups();
    for (const { told } of others) {
      expect(told).toBeGreaterThan(first?.told ?? Infinity);
      expect(told).toBeGreaterThanOrEqual(first?.clean ?? Infinity);
    }
    expect(others).toHaveLength(nodes.length - 1);
    const reasons = await cluster.kubectl('get', 'events', '-A', '-o', 'jsonpath={.items[*].reason}');
    expect(reasons).toContain('CleanedUp');
  });

  test('stays away when agents restart', async () => {
    await nftproxy.restartAgent(cluster, 'node-1', 'SIGKILL');
    expect(await withTable()).toEqual([]);
  });

  test('created anew, governs the nodes like new ones', async () => {
    await nftproxy.configure(cluster, { onDelete: 'Cleanup' });
    expect(await withTable()).toEqual(nodes);
    await nftproxy.answered(cluster, ip);
    expect(await uncovered()).toEqual([]);
  });
});
