/** What is read and changed of a manifest of config/default. */
export interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: unknown;
  rules?: { resources: string[]; resourceNames?: string[] }[];
}

interface OperatorDeployment {
  replicas: number | string;
  template: { spec: Record<string, unknown> & { containers: OperatorContainer[] } };
}

interface OperatorContainer {
  image: string;
  args: string[];
  env: (object | string)[];
  ports: { containerPort: number | string; hostPort: number | string }[];
  resources: object | string;
}

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
  if (container === undefined || port === undefined)
    throw new Error('the operator’s Deployment has no container with a port');
  spec.replicas = '⟦.Values.operator.replicas⟧';
  container.image = '⟦toJson .Values.image⟧';
  container.args = [
    ...container.args.map((arg) =>
      arg
        .replace(/^(--http-port=)\d+$/, '$1⟦.Values.operator.httpPort⟧')
        .replace(/^(--kube-proxy=).*$/, '$1⟦.Values.kubeProxy.namespace⟧/⟦.Values.kubeProxy.name⟧'),
    ),
    ...['⟦range .Values.operator.extraArgs⟧', '⟦toJson .⟧', '⟦end⟧'],
  ];
  port.containerPort = port.hostPort = '⟦.Values.operator.httpPort⟧';
  container.env.push(
    '⟦if .Values.operator.apiServer⟧',
    { name: 'NFTPROXY_API_SERVER', value: '⟦toJson .Values.operator.apiServer⟧' },
    '⟦end⟧',
  );
  container.resources = '⟦toJson .Values.operator.resources⟧';
  pod['⟦if .Values.imagePullSecrets⟧'] = null;
  pod['imagePullSecrets'] = '⟦toJson .Values.imagePullSecrets⟧';
  pod['⟦end⟧'] = null;
}
