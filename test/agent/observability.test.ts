import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManagedProcess } from '../support/index.ts';
import { AgentRig } from './agent-rig.ts';
import { addresses, loadBalancer, service, slice } from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

const run = promisify(execFile);
let host: AgentRig;
let agent: ManagedProcess;

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

async function connect(where: Where, address: string, port: number, count: number): Promise<void> {
  const answers = await host.request(where, { protocol: 'tcp', address, port, count });
  expect(answers.map((answer) => answer.error).filter(Boolean)).toEqual([]);
}

describe('a dashboard made for kube-proxy', () => {
  it('finds the metrics under kube-proxy’s names', async () => {
    const names = new Set([...(await host.metrics()).keys()].map((sample) => sample.replace(/\{.*/, '')));
    for (const name of [
      'kubeproxy_sync_proxy_rules_duration_seconds_count',
      'kubeproxy_sync_full_proxy_rules_duration_seconds_count',
      'kubeproxy_sync_partial_proxy_rules_duration_seconds_count',
      'kubeproxy_sync_proxy_rules_last_timestamp_seconds',
      'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
      'kubeproxy_sync_proxy_rules_endpoint_changes_pending',
      'kubeproxy_sync_proxy_rules_endpoint_changes_total',
      'kubeproxy_sync_proxy_rules_service_changes_pending',
      'kubeproxy_sync_proxy_rules_service_changes_total',
      'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
      'kubeproxy_network_programming_duration_seconds_count',
      'kubeproxy_sync_proxy_rules_nftables_sync_failures_total',
      'kubeproxy_conntrack_reconciler_sync_duration_seconds_count',
      'kubeproxy_conntrack_reconciler_deleted_entries_total',
      'kubeproxy_proxy_healthz_total',
      'kubeproxy_proxy_livez_total',
      'process_start_time_seconds',
    ]) {
      expect([...names]).toContain(name);
    }
  });

  it('finds our own beside them', async () => {
    const metrics = await host.metrics();
    const names = new Set([...metrics.keys()].map((sample) => sample.replace(/\{.*/, '')));
    for (const name of ['nftproxy_commits_total', 'nftproxy_apply_latency_seconds_count', 'nftproxy_build_info']) {
      expect([...names]).toContain(name);
    }
    // ClusterIP, external IP and load-balancer IP, three protocols each.
    expect(metrics.get('nftproxy_map_elements{set="service_ports4"}')).toBe(9);
    expect(metrics.get('nftproxy_quarantined_service_ports')).toBe(0);
  });

  it('finds the other answers of the metrics port', async () => {
    expect((await host.get('node', 'http://127.0.0.1:10249/proxyMode')).body).toBe('nftables');
    expect((await host.get('node', 'http://127.0.0.1:10249/healthz')).body).toBe('ok');
    const config = JSON.parse((await host.get('node', 'http://127.0.0.1:10249/configz')).body) as unknown;
    expect(config).toMatchObject({
      name: 'default',
      config: { clusterCIDRs: [addresses[4].podCIDR, addresses[6].podCIDR] },
    });
  });
});

describe('the connections of a Service', () => {
  const sample = (frontend: string, family: 4 | 6, protocol = 'tcp') =>
    `nftproxy_service_port_new_connections_total{namespace="default",service="web",port="${protocol}",` +
    `protocol="${protocol}",ip_family="IPv${family}",frontend="${frontend}"}`;

  it('are counted by port, family and kind of address', async () => {
    const before = await host.metrics();
    await connect('clientPod', addresses[4].clusterIP, 80, 7);
    await connect('outside', addresses[6].node, 30080, 5);
    await connect('outside', addresses[4].loadBalancerIP, 80, 3);
    const after = await host.metrics();
    const more = (name: string): number => (after.get(name) ?? Number.NaN) - (before.get(name) ?? Number.NaN);
    expect(more(sample('ClusterIP', 4))).toBe(7);
    expect(more(sample('NodePort', 6))).toBe(5);
    expect(more(sample('LoadBalancerIP', 4))).toBe(3);
    expect(more(sample('ClusterIP', 6))).toBe(0);
    expect(more(sample('ClusterIP', 4, 'udp'))).toBe(0);
  });
});

describe('the time from a change of endpoints to the kernel', () => {
  const count = 'kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"}';

  const other = count.replace('IPv4', 'IPv6');
  const annotated = (time: string, endpoints: Parameters<typeof slice>[2], label = 'none') => {
    const changed = slice('web', 4, endpoints);
    const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': time };
    return { ...changed, metadata: { labels: { ...changed.metadata?.labels, label }, annotations } };
  };

  it('is measured from the annotation of the EndpointSlice, in its family', async () => {
    const before = await host.metrics();
    await host.slice('web-4', annotated(new Date().toISOString(), ['localPod']));
    await host.until('the count', async () => ((await host.metrics()).get(count) ?? 0) === 1, agent);
    expect((await host.metrics()).get(other)).toBe(before.get(other));
  });

  it('is not measured where no endpoint moved, nor for what happened before the agent started', async () => {
    const seen = 'kubeproxy_sync_proxy_rules_endpoint_changes_total';
    const before = (await host.metrics()).get(seen) ?? 0;
    await host.slice('web-4', annotated(new Date().toISOString(), ['localPod'], 'another'));
    await host.slice('web-4', annotated(new Date(Date.now() - 3 * 3_600_000).toISOString(), ['remotePod']));
    await host.until('both', async () => ((await host.metrics()).get(seen) ?? 0) >= before + 2, agent);
    await host.slice('web-4', annotated(new Date().toISOString(), ['localPod']));
    await host.until('a third', async () => ((await host.metrics()).get(count) ?? 0) > 1, agent);
    expect((await host.metrics()).get(count)).toBe(2);
  });
});

describe('what is wrong with an object', () => {
  const events = async (): Promise<string> => {
    const env = { ...process.env, KUBECONFIG: host.apiServer.kubeconfig };
    return (await run('kubectl', ['get', 'events', '-n', 'default'], { env })).stdout;
  };

  it('is told by an Event that kubectl shows: an address and port that an older Service has', async () => {
    const own = { clusterIP: '10.96.0.60', clusterIPs: ['10.96.0.60'] };
    const { spec } = service({ ...own, externalIPs: [addresses[4].externalIP] });
    await host.service('late', { spec });
    await host.until('the Event', async () => /FrontendConflict\s+service\/late/.test(await events()), agent);
    expect(await events()).toContain('default/web');
    // The older one keeps it, the younger one works everywhere else.
    await connect('clientPod', addresses[4].externalIP, 80, 1);
  });

  it('is told by an Event that kubectl shows: a malformed address in an EndpointSlice', async () => {
    host.apiServer.load([
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: 'broken',
          namespace: 'default',
          uid: randomUUID(),
          labels: { 'kubernetes.io/service-name': 'web' },
        },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.244.1.999'], conditions: { ready: true } }],
        ports: [{ name: 'tcp', protocol: 'TCP', port: 8080 }],
      },
    ]);
    await host.until('the Event', async () => /InvalidAddress\s+endpointslice\/broken/.test(await events()), agent);
    expect(await events()).toContain('10.244.1.999');
    await connect('clientPod', addresses[4].clusterIP, 80, 5);
  });

  it('harms nobody else: Services with an impossible name, address or port', async () => {
    const metadata = (name: string) => ({ name, namespace: 'default', uid: randomUUID() });
    const impossible = [
      { name: 'x'.repeat(300), clusterIP: '10.96.77.77', port: 80 },
      { name: 'nonsense', clusterIP: 'not-an-address', port: 80 },
      { name: 'beyond', clusterIP: '10.96.77.78', port: 99_999 },
    ];
    host.apiServer.load(
      impossible.map(({ name, clusterIP, port }) => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: metadata(name),
        spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port, protocol: 'TCP' }] },
      })),
    );
    const own = { clusterIP: '10.96.0.61', clusterIPs: ['10.96.0.61'] };
    await host.service('after', service(own));
    await host.slice('after-4', slice('after', 4, ['localPod']));
    const request = { protocol: 'tcp', address: '10.96.0.61', port: 80 } as const;
    const served = async () => (await host.request('clientPod', request))[0]?.error === undefined;
    await host.until('a Service made afterwards', served, agent);
  });
});
