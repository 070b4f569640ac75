import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { beforeAll, describe, expect, test } from 'vitest';
import { agentLabels } from '../../src/api/index.ts';
import { agentMetricsText } from '../../src/agent/testing/index.ts';
import { operatorMetricsText, parseOperatorOptions } from '../../src/operator/testing/index.ts';
import { config, find, nameOf, overlaid, rendered } from './manifests.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}
interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const objects = rendered(join(config, 'monitoring'));
const { groups } = find(objects, 'PrometheusRule/nftproxy').spec as { groups: { rules: Rule[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);
const { panels } = JSON.parse(read('config/monitoring/dashboard.json')) as { panels: Panel[] };

/** Metric → the labels that its series have, as Prometheus would store what the programs show. */
const metrics = new Map<string, Set<string>>();
/** Those that Prometheus adds, and the relabelings of the PodMonitors. */
const added = ['instance', 'job', 'namespace', 'pod', 'node', 'container'];

beforeAll(async () => {
  for (const text of [await agentMetricsText(), await operatorMetricsText()]) {
    for (const [, name = '', labels = ''] of text.matchAll(/^([a-zA-Z_]\w*)(?:\{(.*)\})? \S+$/gm)) {
      const names = [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label);
      metrics.set(name, new Set([...(metrics.get(name) ?? added), ...names]));
    }
  }
});

/** What an expression of PromQL consists of: [kind of node, text]. */
function partsOf(expression: string): [string, string][] {
  const parts: [string, string][] = [];
  parser.parse(expression).iterate({
    enter: ({ name, from, to }) => void parts.push([name, expression.slice(from, to)]),
  });
  return parts;
}

const texts = (expression: string, kind: string) =>
  partsOf(expression).flatMap(([name, text]) => (name === kind ? [text] : []));

const expressions = [
  ...alerts.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

describe('alerts and the dashboard', () => {
  test.each(expressions)('ask only for what the programs show: %s', (_name, expression) => {
    expect(texts(expression, '⚠'), 'no PromQL').toEqual([]);
    const asked = texts(expression, 'Identifier');
    expect(asked.length).toBeGreaterThan(0);
    const known = asked.filter((name) => metrics.has(name));
    expect(known).toEqual(asked);
    const labels = new Set(asked.flatMap((name) => [...(metrics.get(name) ?? [])]));
    for (const label of [...texts(expression, 'LabelName')]) expect([...labels, 'le']).toContain(label);
  });

  test('would notice a metric that nobody shows, a label that it does not have, and what is no PromQL', () => {
    expect(metrics.has('nftproxy_nodes_that_fail')).toBe(false);
    expect(metrics.get('nftproxy_operator_nodes')?.has('colour')).toBe(false);
    expect(texts('sum by (', '⚠').length).toBeGreaterThan(0);
  });

  test('every alert says how bad it is and what is the matter, and docs/operations.md what to do', () => {
    const page = read('docs/operations.md');
    for (const { alert, labels, annotations } of alerts) {
      expect(['critical', 'warning']).toContain(labels.severity);
      expect(annotations.summary).not.toBe('');
      expect(page, alert).toContain(`| \`${alert}\``);
    }
    const named = [...page.matchAll(/^\| `(Nftproxy\w+)`/gm)].map(([, name]) => name);
    expect(named.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  });
});

/** Of a Secret in the namespace of the PodMonitor. */
interface SecretKey {
  readonly name: string;
  readonly key: string;
}

interface PodMonitor {
  readonly selector: { readonly matchLabels: object };
  readonly podMetricsEndpoints: readonly {
    readonly port?: string;
    readonly scheme?: string;
    readonly tlsConfig?: { readonly serverName: string; readonly ca: { readonly secret: SecretKey } };
    readonly authorization?: { readonly credentials: SecretKey };
    readonly relabelings?: readonly {
      sourceLabels: string[];
      regex?: string;
      targetLabel: string;
      replacement?: string;
    }[];
  }[];
}

describe('the PodMonitors', () => {
  const monitor = (name: string) => find(objects, `PodMonitor/${name}`).spec as PodMonitor;

  test('select the Pods of the operator, by a port that its container has', () => {
    const deployment = find(rendered(join(config, 'default')), 'Deployment/nftproxy-operator').spec as {
      template: { metadata: { labels: object }; spec: { containers: { ports: { name: string }[] }[] } };
    };
    const { selector, podMetricsEndpoints } = monitor('nftproxy-operator');
    expect(deployment.template.metadata.labels).toMatchObject(selector.matchLabels);
    const ports = deployment.template.spec.containers[0]?.ports.map(({ name }) => name);
    expect(ports).toContain(podMetricsEndpoints[0]?.port);
  });

  test('select the agents’ Pods as the operator makes them, and ask them in both families', () => {
    const { selector, podMetricsEndpoints } = monitor('nftproxy-agent');
    expect(selector.matchLabels).toEqual(agentLabels);
    const rules = podMetricsEndpoints[0]?.relabelings?.filter(({ targetLabel }) => targetLabel === '__address__') ?? [];
    const asked = (address: string) =>
      rules.flatMap(({ regex = '', replacement = '' }) => {
        const whole = new RegExp(`^(?:${regex})$`);
        return whole.test(address) ? [address.replace(whole, replacement)] : [];
      });
    expect(asked('192.0.2.7')).toEqual(['192.0.2.7:10249']);
    expect(asked('2001:db8::7')).toEqual(['[2001:db8::7]:10249']);
  });
});

describe('metrics over TLS, in an overlay with another namespace', () => {
  const secured = overlaid('default', {
    namespace: 'elsewhere',
    components: ['metrics-tls'],
  });
  const monitors = overlaid('monitoring-secure', { namespace: 'elsewhere' });
  interface Binding {
    readonly roleRef: { readonly name: string };
    readonly subjects: readonly { readonly name: string; readonly namespace: string }[];
  }
  const bound = (all: typeof secured, name: string) => find(all, `ClusterRoleBinding/${name}`) as unknown as Binding;
  const role = (name: string) => find(secured, `ClusterRole/${name}`) as unknown as { rules: object[] };
  const container = (
    find(secured, 'Deployment/nftproxy-operator').spec as {
      template: { spec: { containers: { args: string[]; ports: { name: string; containerPort: number }[] }[] } };
    }
  ).template.spec.containers[0];

  test('adds the right to ask the API server about tokens to operator and agents, and no other', () => {
    const before = rendered(join(config, 'default')).map(nameOf);
    expect(secured.map(nameOf).filter((name) => !before.includes(name) && !name.startsWith('Namespace/'))).toEqual([
      ...['ClusterRole/nftproxy-metrics-reader', 'ClusterRole/nftproxy-metrics-review'],
      'ClusterRoleBinding/nftproxy-metrics-review',
    ]);
    expect(role('nftproxy-metrics-review').rules).toEqual([
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
      { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
    ]);
    expect(bound(secured, 'nftproxy-metrics-review').subjects).toEqual([
      { kind: 'ServiceAccount', name: 'nftproxy-operator', namespace: 'elsewhere' },
      { kind: 'ServiceAccount', name: 'nftproxy-agent', namespace: 'elsewhere' },
    ]);
  });

  test('gives the operator options that it takes, and a port for each PodMonitor to ask', () => {
    const { secureMetrics, metricsTlsSecret } = parseOperatorOptions(container?.args.slice(1) ?? [], { POD_NAME: 'a' });
    expect(metricsTlsSecret).toBe('nftproxy-metrics-tls');
    expect(container?.ports).toContainEqual(expect.objectContaining({ containerPort: secureMetrics?.port }));
    const [endpoint] = (find(monitors, 'PodMonitor/nftproxy-operator').spec as PodMonitor).podMetricsEndpoints;
    const [named] = container?.ports.filter(({ name }) => name === endpoint?.port) ?? [];
    expect(named?.containerPort).toBe(secureMetrics?.port);
  });

  test.each(['nftproxy-operator', 'nftproxy-agent'])(
    'scrapes %s with a token, and checks whom it sends it to',
    (name) => {
      const [endpoint] = (find(monitors, `PodMonitor/${name}`).spec as PodMonitor).podMetricsEndpoints;
      expect(endpoint).toMatchObject({
        scheme: 'https',
        tlsConfig: { serverName: 'nftproxy-metrics', ca: { secret: { name: 'nftproxy-metrics-tls', key: 'ca.crt' } } },
      });
      expect(endpoint?.tlsConfig).not.toHaveProperty('insecureSkipVerify');
      const { credentials } = endpoint?.authorization ?? {};
      const token = find(monitors, `Secret/${credentials?.name}`);
      expect(credentials?.key).toBe('token');
      expect(token.metadata.annotations).toEqual({ 'kubernetes.io/service-account.name': 'nftproxy-metrics-scraper' });
      expect(bound(monitors, 'nftproxy-metrics-scraper')).toMatchObject({
        roleRef: { name: 'nftproxy-metrics-reader' },
        subjects: [{ name: 'nftproxy-metrics-scraper', namespace: 'elsewhere' }],
      });
      expect(role('nftproxy-metrics-reader').rules).toEqual([{ nonResourceURLs: ['/metrics'], verbs: ['get'] }]);
    },
  );
});
