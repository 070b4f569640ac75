import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { documented } from '../support/index.ts';
import * as nftproxy from './nftproxy.ts';
import { type } from './pages.ts';

const root = process.getuid?.() === 0;
const repository = join(import.meta.dirname, '../..');

// Whoever installs, upgrades and removes nftproxy types what the pages say, from the top of the repository.
describe.skipIf(!root)('what the pages say to type (needs root)', { timeout: 300_000 }, () => {
  let cluster: Cluster;
  let home: string;

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
    await cluster.image();
    // What people have beside the repository: their ProxyConfig.
    home = join(cluster.workDir, 'home');
    await mkdir(home);
    for (const name of ['config.yaml', 'proxyconfig.yaml'])
      await copyFile(join(repository, 'config/samples/proxyconfig.yaml'), join(home, name));
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  const typeIn = (commands: readonly string[], folder?: string) => type(cluster, commands, folder);
  const agents = () => cluster.pods({ labels: { 'app.kubernetes.io/component': 'agent' } });

  test('installs it, one command right after the other', async () => {
    const commands = documented('README.md', '## Use it on a cluster');
    expect(commands).toHaveLength(5);
    expect(await typeIn(commands)).toMatch(/proxynodestate\S+node-2/);
    for (const { name } of cluster.nodes) expect(await nftproxy.rules(cluster, name)).toContain('services4');
  });

  test('does no harm when it is typed again, as the other page has it', async () => {
    const commands = documented('docs/operations.md', '## Installing');
    expect(commands).toHaveLength(4);
    const before = agents().map(({ metadata }) => metadata.uid);
    await typeIn(commands);
    expect(agents().map(({ metadata }) => metadata.uid)).toEqual(before);
  });

  test('changes a ProxyConfig and waits, looks, and asks a node', async () => {
    expect(await typeIn(documented('docs/operations.md', '## Changing a ProxyConfig'), home)).toContain('node-2');
    expect(await typeIn(documented('docs/operations.md', '## Looking at it', 1))).toContain('AllNodesSynced');
    expect(await typeIn(documented('docs/operations.md', '### Asking a node'), home)).toMatch(/10\.96\.0\.10/);
    expect(await typeIn(documented('docs/operations.md', '### Can a node work with nftproxy?'), home)).toContain(
      'node-1',
    );
    // Applied a moment ago, so there is no difference, and the exit code says so.
    expect(await typeIn(documented('docs/operations.md', '### What would a change write?'), home)).toContain('node-1');
  });

  test('upgrades operator and agents, and goes back', async () => {
    const commands = documented('docs/operations.md', '## Upgrading');
    const image = 'registry.example/nftproxy:1.2.3';
    expect(commands[0]).toContain(image);
    // Operators have one machine here, as on a cluster with a single node.
    await typeIn(documented('docs/operations.md', '### The operator’s Deployment'));
    const untilAgentsRun = (wanted: string) =>
      cluster.waitFor(
        `agents of ${wanted}`,
        () => agents().length === 2 && agents().every(({ spec }) => spec.containers[0]?.image === wanted),
        150,
      );
    await typeIn(commands);
    await untilAgentsRun(image);
    await typeIn(commands.map((command) => command.replace(image, 'nftproxy')));
    await untilAgentsRun('nftproxy');
    await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');
  });

  test('removes it, rules and all', async () => {
    const commands = documented('docs/operations.md', '## Removing nftproxy');
    const last = commands.findIndex((command) => command.startsWith('kubectl get nftps'));
    await typeIn(commands.slice(0, last));
    await cluster.waitFor(
      'all to say CleanedUp',
      async () => (await typeIn([commands[last]!])).split('CleanedUp').length === 1 + cluster.nodes.length,
      150,
    );
    expect(commands.slice(last + 1)).toHaveLength(2);
    await typeIn(commands.slice(last + 1));
    const kinds = ['crd', 'clusterrole', 'clusterrolebinding', 'validatingadmissionpolicy', 'flowschema', 'namespace'];
    const left = await cluster.kubectl('get', kinds.join(), '-o', 'name');
    expect(left.split('\n').filter((name) => name.includes('nftproxy'))).toEqual([]);
    await cluster.waitFor('the agents to end', () => agents().length === 0);
    for (const { name } of cluster.nodes)
      expect(await cluster.nodeExec(name, 'nft', 'list', 'tables')).not.toContain('nftproxy');
  });
});
