import { Counter, exponentialBuckets, Gauge, Histogram, linearBuckets, type Registry } from 'prom-client';
import type { Family, ServicePort } from '../../services/index.ts';

type PolicyScope = 'internal' | 'external';

/** Service ports that drop traffic on this node: policy Local, endpoints elsewhere, none here. */
export interface NoLocalEndpointsCount {
  readonly scope: PolicyScope;
  readonly family: Family;
  readonly servicePorts: number;
}

/** Go's merge of three linear ranges: .25 s, .5 s; 1 to 59 s; 60 to 115 s by 5; 2 to 5 minutes by 30 s. */
const networkProgrammingBuckets = [
  ...linearBuckets(0.25, 0.25, 2),
  ...linearBuckets(1, 1, 59),
  ...linearBuckets(60, 5, 12),
  ...linearBuckets(120, 30, 7),
];
const syncBuckets = exponentialBuckets(0.001, 2, 15);

/**
 * The metrics that kube-proxy has too, where they mean the same here, under kube-proxy's names, types, labels and
 * buckets, so that dashboards and alerts keep working. All are there from the start, at zero.
 * Facts: pkg/proxy/metrics/metrics.go of Kubernetes 1.36.
 */
export class KubeProxyMetrics {
  readonly #register: Registry;
  readonly #families: readonly Family[];
  readonly #syncDuration: Histogram<'ip_family'>;
  readonly #fullSyncDuration: Histogram<'ip_family'>;
  readonly #partialSyncDuration: Histogram<'ip_family'>;
  readonly #lastSync: Gauge<'ip_family'>;
  readonly #lastQueued: Gauge<'ip_family'>;
  readonly #syncFailures: Counter<'ip_family'>;
  readonly #networkProgramming: Histogram<'ip_family'>;
  readonly #conntrackDuration: Histogram<'ip_family'>;
  readonly #conntrackDeleted: Counter<'ip_family'>;
  readonly #endpointChangesPending: Gauge;
  readonly #endpointChanges: Counter;
  readonly #serviceChangesPending: Gauge;
  readonly #serviceChanges: Counter;
  readonly #healthz: Counter<'code'>;
  readonly #livez: Counter<'code'>;
  readonly #listenerFailures: Counter<'ip_family'>;

  /** `noLocalEndpoints` and `localhostListeners` are asked at each scrape. */
  constructor(options: {
    register: Registry;
    families: readonly Family[];
    noLocalEndpoints: () => Iterable<NoLocalEndpointsCount>;
    localhostListeners: (family: Family) => number;
  }) {
    this.#register = options.register;
    this.#families = options.families;
    const sync = 'sync_proxy_rules';
    this.#syncDuration = this.#histogram(`${sync}_duration_seconds`, 'Duration of a sync', syncBuckets);
    this.#fullSyncDuration = this.#histogram('sync_full_proxy_rules_duration_seconds', 'Full syncs', syncBuckets);
    this.#partialSyncDuration = this.#histogram(
      'sync_partial_proxy_rules_duration_seconds',
      'Duration of syncs of changes only',
      syncBuckets,
    );
    this.#lastSync = this.#familyGauge(`${sync}_last_timestamp_seconds`, 'Time of the last successful sync');
    this.#lastQueued = this.#familyGauge(`${sync}_last_queued_timestamp_seconds`, 'Last time a sync was asked for');
    this.#syncFailures = this.#familyCounter(`${sync}_nftables_sync_failures_total`, 'Syncs that failed');
    this.#networkProgramming = this.#histogram(
      'network_programming_duration_seconds',
      'From the change of a pod or Service to the kernel of this node',
      networkProgrammingBuckets,
    );
    this.#conntrackDuration = this.#histogram(
      'conntrack_reconciler_sync_duration_seconds',
      'Duration of a conntrack clean-up',
      syncBuckets,
    );
    this.#conntrackDeleted = this.#familyCounter(
      'conntrack_reconciler_deleted_entries_total',
      'Conntrack entries deleted because they pointed nowhere',
    );
    this.#endpointChangesPending = this.#gauge(`${sync}_endpoint_changes_pending`, 'EndpointSlice changes waiting');
    this.#endpointChanges = this.#counter(`${sync}_endpoint_changes_total`, 'EndpointSlice changes seen');
    this.#serviceChangesPending = this.#gauge(`${sync}_service_changes_pending`, 'Service changes waiting');
    this.#serviceChanges = this.#counter(`${sync}_service_changes_total`, 'Service changes seen');
    this.#healthz = this.#codeCounter('proxy_healthz_total', 'Answers of /healthz');
    this.#livez = this.#codeCounter('proxy_livez_total', 'Answers of /livez');
    this.#listenerFailures = this.#familyCounter(
      'nftables_localhost_nodeport_listener_creation_failures_total',
      'Localhost node ports that could not be opened',
    );
    this.#collected(options.noLocalEndpoints, options.localhostListeners);
  }

  /** A sync of this family was asked for at `wallMilliseconds`. */
  syncQueued(family: Family, wallMilliseconds: number): void {
    this.#lastQueued.set({ ip_family: label(family) }, wallMilliseconds / 1000);
  }

  /** A sync succeeded at `wallMilliseconds`; `full` if it covered everything and not only changes. */
  synced(family: Family, o: { seconds: number; wallMilliseconds: number; full: boolean }): void {
    const labels = { ip_family: label(family) };
    this.#syncDuration.observe(labels, o.seconds);
    (o.full ? this.#fullSyncDuration : this.#partialSyncDuration).observe(labels, o.seconds);
    this.#lastSync.set(labels, o.wallMilliseconds / 1000);
  }

  /** A sync failed after so many seconds. */
  syncFailed(family: Family, seconds: number): void {
    this.#syncDuration.observe({ ip_family: label(family) }, seconds);
    this.#syncFailures.inc({ ip_family: label(family) });
  }

  /** An EndpointSlice event arrived that has not been taken up yet. */
  endpointChangeSeen(): void {
    this.#endpointChanges.inc();
    this.#endpointChangesPending.inc();
  }

  /** A Service event arrived that has not been taken up yet. */
  serviceChangeSeen(): void {
    this.#serviceChanges.inc();
    this.#serviceChangesPending.inc();
  }

  /** All changes seen so far are in the kernel, or at least in the batch that is about to be sent. */
  changesTakenUp(): void {
    this.#endpointChangesPending.set(0);
    this.#serviceChangesPending.set(0);
  }

  /** Seconds from a slice's `endpoints.kubernetes.io/last-change-trigger-time` to the kernel. */
  networkProgrammed(family: Family, seconds: number): void {
    this.#networkProgramming.observe({ ip_family: label(family) }, seconds);
  }

  conntrackCleaned(family: Family, o: { seconds: number; deleted: number }): void {
    this.#conntrackDuration.observe({ ip_family: label(family) }, o.seconds);
    this.#conntrackDeleted.inc({ ip_family: label(family) }, o.deleted);
  }

  healthzAnswered(code: 200 | 503): void {
    this.#healthz.inc({ code: String(code) });
  }

  livezAnswered(code: 200 | 503): void {
    this.#livez.inc({ code: String(code) });
  }

  localhostListenerFailed(family: Family): void {
    this.#listenerFailures.inc({ ip_family: label(family) });
  }

  #collected(noLocalEndpoints: () => Iterable<NoLocalEndpointsCount>, listeners: (family: Family) => number): void {
    const families = this.#families;
    new Gauge({
      name: 'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
      help: 'Service ports with policy Local, endpoints elsewhere and none on this node',
      labelNames: ['traffic_policy', 'ip_family'],
      registers: [this.#register],
      collect() {
        for (const family of families) {
          for (const policy of ['internal', 'external'])
            this.set({ traffic_policy: policy, ip_family: label(family) }, 0);
        }
        for (const { scope, family, servicePorts } of noLocalEndpoints()) {
          this.set({ traffic_policy: scope, ip_family: label(family) }, servicePorts);
        }
      },
    });
    new Gauge({
      name: 'kubeproxy_nftables_localhost_nodeport_listeners',
      help: 'Localhost node ports that are open',
      labelNames: ['ip_family'],
      registers: [this.#register],
      collect() {
        for (const family of families) this.set({ ip_family: label(family) }, listeners(family));
      },
    });
  }

  #options<Label extends string>(name: string, help: string, labelNames: readonly Label[]) {
    return { name: `kubeproxy_${name}`, help, labelNames, registers: [this.#register] };
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram<'ip_family'> {
    const histogram = new Histogram({ ...this.#options(name, help, ['ip_family'] as const), buckets });
    for (const family of this.#families) histogram.zero({ ip_family: label(family) });
    return histogram;
  }

  #familyGauge(name: string, help: string): Gauge<'ip_family'> {
    const gauge = new Gauge(this.#options(name, help, ['ip_family'] as const));
    for (const family of this.#families) gauge.set({ ip_family: label(family) }, 0);
    return gauge;
  }

  #familyCounter(name: string, help: string): Counter<'ip_family'> {
    const counter = new Counter(this.#options(name, help, ['ip_family'] as const));
    for (const family of this.#families) counter.inc({ ip_family: label(family) }, 0);
    return counter;
  }

  #codeCounter(name: string, help: string): Counter<'code'> {
    const counter = new Counter(this.#options(name, help, ['code'] as const));
    for (const code of ['200', '503']) counter.inc({ code }, 0);
    return counter;
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge(this.#options(name, help, []));
  }

  #counter(name: string, help: string): Counter {
    return new Counter(this.#options(name, help, []));
  }
}

/** kube-proxy's label value. */
function label(family: Family): 'IPv4' | 'IPv6' {
  return family === 4 ? 'IPv4' : 'IPv6';
}

/** Counts the Service ports whose policy Local leaves traffic nowhere to go on this node. */
export function countNoLocalEndpoints(ports: Iterable<ServicePort>): NoLocalEndpointsCount[] {
  const counts = new Map<string, { scope: PolicyScope; family: Family; servicePorts: number }>();
  for (const port of ports) {
    if (!port.hasAnyEndpoints || port.localEndpoints.length > 0) continue;
    const local = port.frontends.filter((frontend) => frontend.policy === 'Local');
    for (const scope of new Set(local.map(scopeOf))) {
      const key = `${scope}${port.family}`;
      const count = counts.get(key) ?? { scope, family: port.family, servicePorts: 0 };
      count.servicePorts++;
      counts.set(key, count);
    }
  }
  return [...counts.values()];
}

function scopeOf(frontend: { kind: string }): PolicyScope {
  return frontend.kind === 'ClusterIP' ? 'internal' : 'external';
}
