import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificatesFor } from '../apiserver/index.ts';
import { startCluster } from '../cluster/index.ts';
import type { Cluster } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const namespace = nftproxy.defaultNamespace;
const rbac = 'rbac.authorization.k8s.io';
const pod = { name: 'prometheus-0', uid: '', nodeName: 'node-1' };
const scraper = { namespace, serviceAccount: 'scraper', pod };

describe.skipIf(!root)('metrics over TLS (needs root)', { timeout: 180_000 }, () => {
  let cluster: Cluster;
  let address: string;

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 1 });
    address = cluster.network.controlPlane.addresses.ipv4;
    const { ca, serverCertificate, serverKey } = await certificatesFor(['DNS:nftproxy-metrics']);
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const data = { 'tls.crt': base64(serverCertificate), 'tls.key': base64(serverKey) };
    await writeFile(join(cluster.workDir, 'ca.crt'), ca);
    await nftproxy.apply(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await nftproxy.apply(cluster, {
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'nftproxy-metrics-tls', namespace } },
      ...{ type: 'kubernetes.io/tls', data },
    });
    await nftproxy.installOperator(cluster, { components: ['metrics-tls'] });
    await nftproxy.configure(cluster);
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  /** What a scraper on the node is told by who listens there: status and text. */
  async function scrape(host: string, port: number, token?: string): Promise<{ status: string; text: string }> {
    const output = await cluster.nodeExec(
      ...(['node-1', 'curl', '--silent', '--show-error', '--cacert', join(cluster.workDir, 'ca.crt')] as const),
      ...['--resolve', `nftproxy-metrics:${port}:${host}`, '--write-out', '\n%{http_code}'],
      ...(token === undefined ? [] : ['--header', `Authorization: Bearer ${token}`]),
      `https://nftproxy-metrics:${port}/metrics`,
    );
    const end = output.trimEnd().lastIndexOf('\n');
    return { status: output.slice(end).trim(), text: output.slice(0, end) };
  }

  test('a scraper with the right sees those of agents and operator, in the role that is shipped', async () => {
    const token = await cluster.apiServer.issueToken(scraper);
    const agent = () => scrape('127.0.0.1', 10249, token);
    expect((await agent()).status).toBe('403');
    await nftproxy.apply(cluster, {
      ...{ apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata: { name: 'scraper' } },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'nftproxy-metrics-reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'scraper', namespace }],
    });
    await cluster.waitFor('the right to be seen', async () => (await agent()).status === '200');
    expect((await agent()).text).toContain('kubeproxy_sync_proxy_rules_duration_seconds_count');
    const operator = await scrape(address, 10351, token);
    expect(operator).toMatchObject({
      status: '200',
      text: expect.stringContaining('nftproxy_operator_leader 1') as string,
    });
  });

  test('nobody else does, nor in the clear; probes need no token', async () => {
    for (const [host, port] of [['127.0.0.1', 10249] as const, [address, 10351] as const]) {
      expect((await scrape(host, port)).status).toBe('401');
      expect((await scrape(host, port, 'invented')).status).toBe('401');
      await expect(cluster.nodeExec('node-1', 'curl', '--fail', `http://${host}:${port}/metrics`)).rejects.toThrow();
    }
    await expect(cluster.nodeExec('node-1', 'curl', '--fail', `http://${address}:10349/metrics`)).rejects.toThrow(
      '404',
    );
    await cluster.nodeExec('node-1', 'curl', '--fail', '--silent', `http://${address}:10349/readyz`);
    await cluster.nodeExec('node-1', 'curl', '--fail', '--silent', 'http://127.0.0.1:10256/readyz');
  });
});
