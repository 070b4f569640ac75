import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const node = 'node-1';

describe.skipIf(!root)(
  'an agent with a configuration file, no operator, no CRDs (needs root)',
  { timeout: 120_000 },
  () => {
    let cluster: Cluster;
    let file: string;
    let agent: ManagedProcess;
    let ip: string;

    beforeAll(async () => {
      cluster = await startCluster({ nodes: 2 });
      file = join(cluster.workDir, 'proxy.yaml');
      await nftproxy.apply(cluster, ...nftproxy.echo(2));
      await cluster.kubectl('rollout', 'status', 'deployment/echo', '--timeout=60s');
      await cluster.runClientPod('client', node);
      ip = (await nftproxy.clusterIps(cluster, 'echo'))[0]!;
      await writeFile(file, stringify(nftproxy.proxyConfig()));
      agent = await nftproxy.startStandaloneAgent(cluster, node, { arguments: ['--config', file] });
    }, 120_000);
    afterAll(async () => {
      await agent.stop(5000);
      await cluster.stop();
    }, 60_000);

    const service = async () =>
      (await nftproxy.elements(cluster, node, 'services4')).find((line) => line.startsWith(`${ip} `));

    test('serves traffic', async () => {
      await cluster.waitFor('the Service in the kernel', async () => (await service())?.includes('goto random'));
      const result = await nftproxy.request(cluster, 'client', ip, 50);
      expect(result.failures).toEqual([]);
      expect(Object.keys(result.answers)).toHaveLength(2);
    });

    test('follows a change of the file without a restart, JSON or YAML', async () => {
      const { pid } = agent;
      await writeFile(file, JSON.stringify(nftproxy.proxyConfig({ loadBalancing: { algorithm: 'source-hash' } })));
      await cluster.waitFor('the other algorithm', async () => !(await service())?.includes('goto random'));
      expect(agent.running && agent.pid === pid).toBe(true);
      const result = await nftproxy.request(cluster, 'client', ip, 20);
      expect(result.failures).toEqual([]);
      expect(Object.keys(result.answers)).toHaveLength(1);
    });

    test('keeps the last good configuration when the file becomes invalid, and says which field', async () => {
      const before = await service();
      await writeFile(file, stringify(nftproxy.proxyConfig({ loadBalancing: { algorithm: 'guess' } })));
      await cluster.waitFor('a word about it', () => agent.output.includes('spec.loadBalancing.algorithm'));
      expect(await service()).toBe(before);
      await writeFile(file, stringify(nftproxy.proxyConfig()));
      await cluster.waitFor('random again', async () => (await service())?.includes('goto random'));
    });

    test('does not start with an invalid file', async () => {
      const bad = join(cluster.workDir, 'bad.yaml');
      await writeFile(bad, stringify(nftproxy.proxyConfig({ mode: 'ipvs' })));
      const second = await nftproxy.startStandaloneAgent(cluster, 'node-2', { arguments: ['--config', bad] });
      const end = await second.ended;
      expect(end.exitCode).not.toBe(0);
      expect(second.output).toContain('spec.mode');
    });
  },
);
