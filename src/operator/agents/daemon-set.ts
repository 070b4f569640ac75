import { agentContainer, agentLabels, contentHash } from '../../api/index.ts';
import type { EffectiveAgent, Mode } from '../../api/index.ts';
import type { LogFormat } from '../../runtime/index.ts';
import { agentName, agentRevisionLabel, apiServerMapName } from '../cluster/index.ts';
import type { PodTemplate } from '../cluster/index.ts';
import { agentArgs, healthz } from './agent-args.ts';
import { haproxyBeside } from './haproxy.ts';
import { iptablesNeeds } from './iptables.ts';

const managedBy = { 'app.kubernetes.io/managed-by': 'nftproxy-operator' };
const stateDirectory = '/var/lib/nftproxy';
const apiServersDirectory = '/run/nftproxy/api-servers';
const metricsTlsDirectory = '/run/nftproxy/metrics-tls';

export interface AgentTemplateOptions {
  readonly image: string;
  readonly logFormat: LogFormat;
  /** The Secret with the certificate of metrics; undefined: they are served in the clear. */
  readonly metricsTlsSecret?: string | undefined;
  /** `spec.agent` of the ProxyConfig that governs the nodes. */
  readonly agent: EffectiveAgent;
  /** Of that ProxyConfig; undefined: the default. */
  readonly mode?: Mode | undefined;
}

/** A Pod template, and the name of its content. */
export interface RevisedTemplate {
  /** 10 hexadecimal digits; empty for one that an operator wrote which did not number them. */
  readonly revision: string;
  readonly template: PodTemplate;
}

/**
 * The DaemonSet that has agents made from `template`, to be server-side applied.
 *
 * It replaces nobody (`OnDelete`): the operator does, node by node as their ProxyNodeStates say.
 */
export function daemonSetFor(
  namespace: string,
  template: PodTemplate,
  annotations: Readonly<Record<string, string>>,
): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: agentName, namespace, labels: { ...agentLabels, ...managedBy }, annotations },
    spec: { selector: { matchLabels: agentLabels }, updateStrategy: { type: 'OnDelete' }, template },
  };
}

/**
 * The template of the Pods that run an agent on every Linux node. Settings that are what they are by default leave no
 * trace in it, so that a newer operator which knows more settings has no agent made anew for that alone.
 *
 * The agents reach the API servers at their own addresses: they cannot depend on the ClusterIP that they program. A
 * ConfigMap has them, and not the Pods, which would have to be restarted when one changes. The agents need NET_ADMIN in the
 * node's network namespace, nothing else (but NET_RAW in mode iptables), and run also where nothing else may (`Exists`), because without them no Service
 * works there.
 */
export function agentTemplate(options: AgentTemplateOptions): RevisedTemplate {
  const made = (revision: string): PodTemplate => ({
    metadata: { labels: { ...agentLabels, ...managedBy, [agentRevisionLabel]: revision } },
    spec: podSpec({ ...options, revision }),
  });
  const revision = contentHash(made(''));
  return { revision, template: made(revision) };
}

type PodOptions = AgentTemplateOptions & { readonly revision: string };

function podSpec(options: PodOptions): NonNullable<PodTemplate['spec']> {
  return {
    serviceAccountName: agentName,
    hostNetwork: true,
    // Cluster DNS is itself a Service: an agent must not need it.
    dnsPolicy: 'Default',
    priorityClassName: options.agent.priorityClassName,
    ...pullSecrets(options.agent),
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ operator: 'Exists' }],
    terminationGracePeriodSeconds: 10,
    containers: [containerOf(options), ...haproxyBeside(options.agent, options.image).containers],
    volumes: [
      // A container's own /proc/sys is read-only; the conntrack settings of the ProxyConfig are the node's.
      { name: 'sysctls', hostPath: { path: '/proc/sys/net', type: 'Directory' } },
      // Outlives the Pod: what an agent goes on with when no ProxyConfig governs its node. The kubelet makes it for root.
      { name: 'state', hostPath: { path: stateDirectory, type: 'DirectoryOrCreate' } },
      // Optional: an agent whose node knows the API servers already can do without.
      { name: 'api-servers', configMap: { name: apiServerMapName, optional: true } },
      ...metricsTls(options).volumes,
      ...haproxyBeside(options.agent, options.image).volumes,
      ...iptablesNeeds(options.mode).volumes,
    ],
  };
}

function pullSecrets({ imagePullSecrets }: EffectiveAgent): { imagePullSecrets?: { name: string }[] } {
  return imagePullSecrets.length === 0 ? {} : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) };
}

/** Optional: a Secret that is gone must not keep agents from starting, only their metrics from being served. */
function metricsTls({ metricsTlsSecret: secretName }: AgentTemplateOptions) {
  if (secretName === undefined) return { args: [], mounts: [], volumes: [] };
  const file = (option: string, key: string) => `--metrics-tls-${option}-file=${metricsTlsDirectory}/${key}`;
  return {
    args: [file('cert', 'tls.crt'), file('key', 'tls.key')],
    mounts: [{ name: 'metrics-tls', mountPath: metricsTlsDirectory, readOnly: true }],
    volumes: [{ name: 'metrics-tls', secret: { secretName, optional: true } }],
  };
}

function containerOf(options: PodOptions) {
  const { image, logFormat, agent, revision } = options;
  const iptables = iptablesNeeds(options.mode);
  const tls = metricsTls(options);
  const { port, probedAt } = healthz(agent);
  const probe = (path: string) => ({ httpGet: { path, port, scheme: 'HTTP', ...probedAt }, timeoutSeconds: 5 });
  return {
    name: agentContainer,
    image,
    args: [
      ...['agent', '--node-name=$(NODE_NAME)', '--sysctl-directory=/host/proc/sys'],
      ...[`--state-directory=${stateDirectory}`, `--api-servers-directory=${apiServersDirectory}`],
      ...[`--log-format=${logFormat}`, `--agent-revision=${revision}`],
      ...[...tls.args, ...agentArgs(agent)],
    ],
    env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    volumeMounts: [
      { name: 'sysctls', mountPath: '/host/proc/sys/net' },
      { name: 'state', mountPath: stateDirectory },
      // The whole folder and not a file of it, which the kubelet would not keep up to date.
      { name: 'api-servers', mountPath: apiServersDirectory, readOnly: true },
      ...tls.mounts,
      ...haproxyBeside(agent, image).mounts,
      ...iptables.mounts,
    ],
    ports: [{ name: 'healthz', containerPort: port, hostPort: port, protocol: 'TCP' }],
    // A setting that the kernel refuses or an API server that is away is no better after a restart.
    livenessProbe: {
      ...probe('/livez?exclude=keeps-up'),
      initialDelaySeconds: 10,
      periodSeconds: 10,
      failureThreshold: 6,
    },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 5, failureThreshold: 2 },
    resources: resourcesOf(agent),
    securityContext: {
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', ...iptables.capabilities] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}

function resourcesOf({ resources: { requests, limits } }: EffectiveAgent): object {
  return { requests, ...(Object.keys(limits).length > 0 && { limits }) };
}
