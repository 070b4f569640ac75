import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ServicePort } from '../../services/index.ts';
import { HttpListener, systemClock } from '../../runtime/index.ts';
import type { ConnectionCount } from '../../dataplane/index.ts';
import { AgentMetrics, type MetricsSources } from './metrics.ts';
import { countNoLocalEndpoints } from './metrics-kubeproxy.ts';
import { metricsHandler } from './metrics-server.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const quiet: MetricsSources = {
  connectionCounts: () => Promise.resolve([]),
  requestCounts: () => Promise.resolve([]),
  noLocalEndpoints: () => [],
  localhostListeners: () => 0,
  mode: () => 'nftables',
  mapElements: () => [],
  quarantinedServicePorts: () => 0,
  fastPathInterfaces: () => 0,
  servedBy: () => ({}),
  fallenBack: () => [],
  settingsRefused: () => false,
  uncovered: () => false,
  lastGoodKept: () => true,
  connections: () => undefined,
  watches: () => [],
};

function make(sources: Partial<MetricsSources> = {}, failures: unknown[] = []) {
  return new AgentMetrics({
    version: '1.2.3',
    families: [4, 6],
    sources: { ...quiet, ...sources },
    onCollectFailure: (what) => void failures.push(what),
  });
}

/** Values by series: `name{label="value"}` as printed. */
function series(text: string): Map<string, number> {
  const out = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([^#\s{]+(?:\{.*\})?) (\S+)$/.exec(line);
    if (match) out.set(match[1]!, Number(match[2]));
  }
  return out;
}

describe('metrics that kube-proxy has too', () => {
  test('are all there from the start, at zero, for both families', async () => {
    const values = series(await make().text());
    for (const family of ['IPv4', 'IPv6']) {
      for (const name of [
        'sync_proxy_rules_duration_seconds_count',
        'sync_full_proxy_rules_duration_seconds_count',
        'sync_partial_proxy_rules_duration_seconds_count',
        'sync_proxy_rules_last_timestamp_seconds',
        'sync_proxy_rules_last_queued_timestamp_seconds',
        'sync_proxy_rules_nftables_sync_failures_total',
        'network_programming_duration_seconds_count',
        'conntrack_reconciler_sync_duration_seconds_count',
        'conntrack_reconciler_deleted_entries_total',
        'nftables_localhost_nodeport_listeners',
        'nftables_localhost_nodeport_listener_creation_failures_total',
      ]) {
        expect(values.get(`kubeproxy_${name}{ip_family="${family}"}`), name).toBe(0);
      }
      for (const policy of ['internal', 'external']) {
        const name = 'kubeproxy_sync_proxy_rules_no_local_endpoints_total';
        expect(values.get(`${name}{traffic_policy="${policy}",ip_family="${family}"}`)).toBe(0);
      }
    }
    for (const kind of ['endpoint', 'service']) {
      expect(values.get(`kubeproxy_sync_proxy_rules_${kind}_changes_pending`)).toBe(0);
      expect(values.get(`kubeproxy_sync_proxy_rules_${kind}_changes_total`)).toBe(0);
    }
    for (const code of [200, 503]) {
      expect(values.get(`kubeproxy_proxy_healthz_total{code="${code}"}`)).toBe(0);
      expect(values.get(`kubeproxy_proxy_livez_total{code="${code}"}`)).toBe(0);
    }
  });

  test('have kube-proxy’s buckets', async () => {
    const bounds = (text: string, name: string) =>
      [...text.matchAll(new RegExp(`^kubeproxy_${name}_bucket\\{le="([^"]+)",ip_family="IPv4"\\}`, 'gm'))].map(
        (m) => m[1],
      );
    const text = await make().text();
    const sync = bounds(text, 'sync_proxy_rules_duration_seconds');
    expect([sync.length, sync[0], sync.at(-2), sync.at(-1)]).toEqual([16, '0.001', '16.384', '+Inf']);
    const network = bounds(text, 'network_programming_duration_seconds');
    expect([network.length, ...network.slice(0, 4), network.at(-2)]).toEqual([81, '0.25', '0.5', '1', '2', '300']);
  });

  test('follow what happens', async () => {
    const metrics = make({ noLocalEndpoints: () => [{ scope: 'external', family: 6, servicePorts: 3 }] });
    metrics.kubeProxy.serviceChangeSeen();
    metrics.kubeProxy.endpointChangeSeen();
    metrics.kubeProxy.endpointChangeSeen();
    let values = series(await metrics.text());
    expect(values.get('kubeproxy_sync_proxy_rules_endpoint_changes_pending')).toBe(2);
    metrics.kubeProxy.changesTakenUp();
    metrics.kubeProxy.syncQueued(4, 1000);
    metrics.kubeProxy.synced(4, { seconds: 0.003, wallMilliseconds: 2500, full: false });
    metrics.kubeProxy.syncFailed(6, 0.5);
    metrics.kubeProxy.conntrackCleaned(4, { seconds: 0.01, deleted: 7 });
    metrics.kubeProxy.networkProgrammed(4, 0.3);
    metrics.kubeProxy.healthzAnswered(503);
    values = series(await metrics.text());
    const expected = {
      sync_proxy_rules_endpoint_changes_pending: 0,
      sync_proxy_rules_endpoint_changes_total: 2,
      sync_proxy_rules_service_changes_total: 1,
      'sync_proxy_rules_last_queued_timestamp_seconds{ip_family="IPv4"}': 1,
      'sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"}': 2.5,
      'sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"}': 1,
      'sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"}': 0,
      'sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv6"}': 1,
      'sync_proxy_rules_no_local_endpoints_total{traffic_policy="external",ip_family="IPv6"}': 3,
      'conntrack_reconciler_deleted_entries_total{ip_family="IPv4"}': 7,
      'network_programming_duration_seconds_bucket{le="0.5",ip_family="IPv4"}': 1,
      'proxy_healthz_total{code="503"}': 1,
    };
    for (const [name, value] of Object.entries(expected)) expect(values.get(`kubeproxy_${name}`), name).toBe(value);
  });

  test('policy Local without a local endpoint is counted by scope, once a Service port', () => {
    const base: ServicePort = {
      id: 'a',
      namespace: 'd',
      name: 'a',
      portName: '',
      protocol: 'tcp',
      family: 4,
      frontends: [],
      clusterEndpoints: [],
      localEndpoints: [],
      otherServingEndpoints: [],
      hasAnyEndpoints: true,
      algorithm: 'random',
    };
    const internal = { kind: 'ClusterIP', address: '10.0.0.1', port: 80, policy: 'Local' } as const;
    const external = [
      { kind: 'NodePort', port: 30080, policy: 'Local' },
      { kind: 'ExternalIP', address: '1.2.3.4', port: 80, policy: 'Local' },
    ] as const;
    const here = { address: '10.1.0.1', port: 80, local: true, weight: 1 };
    expect(
      countNoLocalEndpoints([
        { ...base, frontends: [internal, ...external] },
        { ...base, frontends: [internal] },
        { ...base, frontends: [internal], localEndpoints: [here] },
        { ...base, frontends: [internal], hasAnyEndpoints: false },
        { ...base, frontends: [{ ...internal, policy: 'Cluster' }] },
      ]),
    ).toEqual([
      { scope: 'internal', family: 4, servicePorts: 2 },
      { scope: 'external', family: 4, servicePorts: 1 },
    ]);
  });
});

describe('metrics of our own', () => {
  const unasked = { bounds: [1], counts: [0, 0], sumSeconds: 0 };
  const count: ConnectionCount = {
    namespace: 'default',
    service: 'web',
    port: 'http',
    protocol: 'tcp',
    family: 4,
    frontend: 'ExternalIP',
    connections: 3,
  };

  test('new connections per Service port come from the kernel’s counters, read when scraped', async () => {
    let reads = 0;
    const metrics = make({
      connectionCounts: () => {
        reads++;
        return Promise.resolve([count, { ...count, connections: 4 }, { ...count, port: 'a"b', frontend: 'ClusterIP' }]);
      },
    });
    expect(reads).toBe(0);
    const [text] = await Promise.all([metrics.text(), metrics.text()]);
    expect(reads).toBe(1);
    const head = 'nftproxy_service_port_new_connections_total{namespace="default",service="web",';
    const tail = 'protocol="tcp",ip_family="IPv4",';
    expect(text).toContain(`${head}port="http",${tail}frontend="ExternalIP"} 7\n`);
    expect(text).toContain(`${head}port="a\\"b",${tail}frontend="ClusterIP"} 3\n`);
  });

  test('a kernel that cannot be read costs only these counts, and is reported', async () => {
    const failures: unknown[] = [];
    const metrics = make({ connectionCounts: () => Promise.reject(new Error('no')) }, failures);
    const values = series(await metrics.text());
    expect(failures).toEqual(['connections']);
    expect(values.get('nftproxy_commits_total{result="success"}')).toBe(0);
    expect(series(await metrics.text()).get('nftproxy_collect_failures_total')).toBe(2);
  });

  test('requests that a proxy has answered come by class of status; that it does not answer costs only these', async () => {
    const web = { namespace: 'default', service: 'web', port: 'http', family: 4 } as const;
    const requestCounts = () =>
      Promise.resolve([{ ...web, answers: { '2xx': 7, '3xx': 0, '5xx': 1 }, latency: unasked }]);
    const connectionCounts = () => Promise.resolve([count]);
    const labels = 'namespace="default",service="web",port="http",ip_family="IPv4"';
    const values = series(await make({ requestCounts }).text());
    expect(values.get(`nftproxy_service_port_requests_total{${labels},code="2xx"}`)).toBe(7);
    expect(values.get(`nftproxy_service_port_requests_total{${labels},code="5xx"}`)).toBe(1);
    expect(values.has(`nftproxy_service_port_requests_total{${labels},code="3xx"}`)).toBe(false);
    const failures: unknown[] = [];
    const silent = make({ connectionCounts, requestCounts: () => Promise.reject(new Error('no')) }, failures);
    expect(await silent.text()).toContain('nftproxy_service_port_new_connections_total{');
    expect(failures).toEqual(['requests']);
  });

  test('how long answers took comes as a histogram of each Service port that anybody has asked', async () => {
    const latency = { bounds: [0.001, 0.05, 10], counts: [3, 0, 2, 1], sumSeconds: 12.5 };
    const answers = { '2xx': 6 };
    const port = { namespace: 'default', port: 'http', family: 4 } as const;
    const requestCounts = () =>
      Promise.resolve([
        { ...port, service: 'web', answers, latency },
        { ...port, service: 'idle', answers: { '2xx': 0 }, latency: unasked },
      ]);
    const text = await make({ requestCounts }).text();
    const name = 'nftproxy_service_port_response_latency_seconds';
    const labels = 'namespace="default",service="web",port="http",ip_family="IPv4"';
    expect(text).toContain(`# TYPE ${name} histogram\n`);
    expect([...series(text)].filter(([each]) => each.startsWith(name))).toEqual([
      [`${name}_bucket{${labels},le="0.001"}`, 3],
      [`${name}_bucket{${labels},le="0.05"}`, 3],
      [`${name}_bucket{${labels},le="10"}`, 5],
      [`${name}_bucket{${labels},le="+Inf"}`, 6],
      [`${name}_sum{${labels}}`, 12.5],
      [`${name}_count{${labels}}`, 6],
    ]);
  });

  test('tell of elements, quarantine, watches, commits, latency and version', async () => {
    const watch = { resource: 'services', lists: 2, watches: 3, events: 40, errors: 1, cacheMisses: 0, failing: false };
    const metrics = make({
      mapElements: () => [['services4', 12]],
      quarantinedServicePorts: () => 1,
      fastPathInterfaces: () => 7,
      servedBy: () => ({ nftables: 5, ipvs: 7 }),
      fallenBack: () => ['node', 'service', 'node'],
      settingsRefused: () => true,
      watches: () => [{ ...watch, lastEventAgeSeconds: 1.5 }],
      connections: () => ({ entries: 9, limit: 10, dropped: 3, evicted: 2 }),
    });
    metrics.own.committed('success', 0.002);
    metrics.own.applied(0.004);
    await metrics.text();
    const values = series(await metrics.text());
    const expected = {
      'map_elements{set="services4"}': 12,
      quarantined_service_ports: 1,
      fast_path_interfaces: 7,
      'service_ports{engine="nftables"}': 5,
      'service_ports{engine="ipvs"}': 7,
      'fallen_back_service_ports{asked_by="node"}': 2,
      'fallen_back_service_ports{asked_by="service"}': 1,
      node_settings_refused: 1,
      'watch_relists_total{resource="services"}': 1,
      'watch_events_total{resource="services"}': 40,
      'watch_cache_misses_total{resource="services"}': 0,
      'watch_last_event_age_seconds{resource="services"}': 1.5,
      conntrack_entries: 9,
      conntrack_entries_limit: 10,
      conntrack_dropped_total: 3,
      conntrack_evicted_total: 2,
      'commits_total{result="success"}': 1,
      'commits_total{result="failure"}': 0,
      'apply_latency_seconds_bucket{le="0.005"}': 1,
      commit_duration_seconds_count: 1,
    };
    for (const [name, value] of Object.entries(expected)) expect(values.get(`nftproxy_${name}`), name).toBe(value);
    expect(values.get(`nftproxy_build_info{version="1.2.3",node_version="${process.version}"}`)).toBe(1);
    expect(values.has('process_cpu_seconds_total')).toBe(true);
  });
});

describe('the metrics port', () => {
  const listeners: HttpListener[] = [];
  afterEach(async () => {
    await Promise.all(listeners.splice(0).map((listener) => listener.close()));
  });

  async function serve(
    metrics: { contentType: string; text(): Promise<string> },
    errors: unknown[] = [],
    mode: string | undefined = 'nftables',
  ) {
    const listener = new HttpListener({
      purpose: 'metrics',
      bind: { host: '127.0.0.1', port: 0 },
      handler: metricsHandler({
        metrics,
        mode: () => (mode === '' ? undefined : mode),
        servicePorts: () => [],
        effectiveConfig: () => ({ mode: 'nftables' }),
        onError: (error) => void errors.push(error),
      }),
      onBindFailure: (error) => expect.fail(error.message),
      clock: systemClock,
    });
    listeners.push(listener);
    await listener.start();
    return (path: string, headers = {}) => fetch(`http://127.0.0.1:${listener.address!.port}${path}`, { headers });
  }

  test('answers the paths that kube-proxy answers', async () => {
    const get = await serve(make());
    expect(await (await get('/healthz')).text()).toBe('ok');
    expect(await (await get('/proxyMode')).text()).toBe('nftables');
    expect(await (await get('/configz')).json()).toEqual({ mode: 'nftables' });
    expect((await get('/nothing')).status).toBe(404);
    const metrics = await get('/metrics', { 'accept-encoding': 'identity' });
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics.text()).toContain('kubeproxy_sync_proxy_rules_duration_seconds');
  });

  test('tells the mode that runs, and none before one does', async () => {
    const ipvs = await serve(make({ mode: () => 'ipvs' }), [], 'ipvs');
    expect(await (await ipvs('/proxyMode')).text()).toBe('ipvs');
    expect(await (await ipvs('/metrics')).text()).toContain('nftproxy_proxy_mode{mode="ipvs"} 1');
    const none = await serve(make({ mode: () => undefined }), [], '');
    expect((await none('/proxyMode')).status).toBe(503);
    expect(await (await none('/metrics')).text()).not.toContain('nftproxy_proxy_mode{');
  });

  test('compresses for a scraper that can unpack', async () => {
    const get = await serve(make());
    const response = await get('/metrics', { 'accept-encoding': 'gzip' });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toContain('nftproxy_build_info');
  });

  test('says so when metrics cannot be made', async () => {
    const errors: unknown[] = [];
    const get = await serve(
      { contentType: 'text/plain', text: () => Promise.reject(new Error('out of luck')) },
      errors,
    );
    const response = await get('/metrics');
    expect([response.status, await response.text()]).toEqual([500, 'out of luck\n']);
    expect(errors).toHaveLength(1);
  });
});
