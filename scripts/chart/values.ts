import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repository } from '../build.ts';

/** What is read and changed of a manifest of config/default. */
export interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: unknown;
  rules?: { resources: string[]; resourceNames?: string[] }[];
}

interface OperatorDeployment {
  replicas: number | string;
  template: { spec: OperatorPod };
}

interface OperatorPod extends Record<string, unknown> {
  containers: OperatorContainer[];
}

interface OperatorContainer extends Record<string, unknown> {
  image: string;
  args: string[];
  env: (object | string)[];
  ports: (OperatorPort | string)[];
  resources: object | string;
}

interface OperatorPort {
  containerPort: number | string;
  hostPort: number | string;
}

/** One thing that config/metrics-tls adds to the operator's Deployment. */
interface Addition {
  op: 'add';
  path: string;
  value: unknown;
}

/** The value that has metrics served over TLS, as the component config/metrics-tls. */
export const metricsTls = '.Values.metrics.tls';

/**
 * Puts the values of the chart in their places, as `⟦action⟧`. What a value is by default is what config/default has:
 * with values.yaml as it is, the chart renders the same objects.
 */
export function insertValues(object: Manifest): void {
  if (object.kind === 'Deployment') intoDeployment(object.spec as OperatorDeployment);
  if (object.kind === 'ClusterRole' && object.metadata.name === 'nftproxy-kube-proxy') intoKubeProxyRole(object);
}

/** The right to patch kube-proxy's DaemonSet is for one name, which the operator is told, too. */
function intoKubeProxyRole({ rules = [] }: Manifest): void {
  const rule = rules.find(({ resources }) => resources.includes('daemonsets'));
  if (rule?.resourceNames === undefined) throw new Error('nftproxy-kube-proxy names no DaemonSet');
  rule.resourceNames = ['⟦toJson .Values.kubeProxy.name⟧'];
}

function intoDeployment(spec: OperatorDeployment): void {
  const pod = spec.template.spec;
  const [container] = pod.containers;
  const [port] = container?.ports ?? [];
  if (container === undefined || typeof port !== 'object')
    throw new Error('the operator’s Deployment has no container with a port');
  spec.replicas = '⟦.Values.operator.replicas⟧';
  container.image = '⟦toJson .Values.image⟧';
  container.args = [
    ...container.args.map((arg) =>
      arg
        .replace(/^(--http-port=)\d+$/, '$1⟦.Values.operator.httpPort⟧')
        .replace(/^(--kube-proxy=).*$/, '$1⟦.Values.kubeProxy.namespace⟧/⟦.Values.kubeProxy.name⟧'),
    ),
    ...addedByMetricsTls('/spec/template/spec/containers/0/args/-'),
    ...['⟦range .Values.operator.extraArgs⟧', '⟦toJson .⟧', '⟦end⟧'],
  ];
  port.containerPort = port.hostPort = '⟦.Values.operator.httpPort⟧';
  container.ports.push(...addedByMetricsTls('/spec/template/spec/containers/0/ports/-'));
  const mounts = addedByMetricsTls('/spec/template/spec/containers/0/volumeMounts').slice(1, -1);
  Object.assign(container, { [`⟦if ${metricsTls}⟧`]: null, volumeMounts: mounts.flat(), '⟦end⟧': null });
  container.env.push(
    '⟦if .Values.operator.apiServer⟧',
    { name: 'NFTPROXY_API_SERVER', value: '⟦toJson .Values.operator.apiServer⟧' },
    '⟦end⟧',
  );
  container.resources = '⟦toJson .Values.operator.resources⟧';
  pod['⟦if .Values.imagePullSecrets⟧'] = null;
  pod['imagePullSecrets'] = '⟦toJson .Values.imagePullSecrets⟧';
  pod['⟦end⟧'] = null;
  const volumes = addedByMetricsTls('/spec/template/spec/volumes').slice(1, -1);
  Object.assign(pod, { [`⟦if ${metricsTls}⟧`]: null, volumes: volumes.flat(), '⟦end metrics⟧': null });
}

/** What the component adds at a path, between the actions that leave it out. @throws Error if it adds nothing there */
function addedByMetricsTls(path: string): never[] {
  const file = join(repository, 'config/metrics-tls/operator.yaml');
  const additions = parse(readFileSync(file, 'utf8')) as Addition[];
  const values = additions.filter((addition) => addition.path === path).map(({ value }) => value);
  if (values.length === 0) throw new Error(`${file} adds nothing at ${path}`);
  return [`⟦if ${metricsTls}⟧`, ...values, '⟦end⟧'] as never[];
}
