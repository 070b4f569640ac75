import { hostname } from 'node:os';
import { parseSelector, parseServerUrls } from '../kubernetes/index.ts';
import { defaultNamespace } from '../api/index.ts';
import {
  describeError,
  logFormats,
  logLevels,
  metricsCertificate,
  oneOf,
  parseOptions,
  UsageError,
} from '../runtime/index.ts';
import type { CertificateFiles, LogFormat, LogLevel } from '../runtime/index.ts';
import type { LabelSelector } from '../api/index.ts';

/** What `nftproxy operator` is told on its command line. */
export interface OperatorOptions {
  /** Path of a kubeconfig; undefined: $KUBECONFIG, else the Pod's service account, else ~/.kube/config. */
  readonly kubeconfig?: string;
  /** Where the agents' DaemonSet and the leader's Lease live. */
  readonly namespace: string;
  /** Image of the agents; undefined: that of this process, which is in the Pod `podName`. */
  readonly image?: string;
  readonly podName?: string;
  /** API servers that this process asks before all others: its way while no service proxy serves the ClusterIP. */
  readonly apiServers: readonly string[];
  /** API servers that agents ask before the endpoints of default/kubernetes. */
  readonly agentApiServers: readonly string[];
  /** Nodes without these labels have no agent; undefined: every Linux node has one. */
  readonly agentNodeSelector?: LabelSelector;
  /** Port of /healthz, /readyz and, without a certificate, /metrics; 0 takes a free one. */
  readonly httpPort: number;
  /** /metrics over TLS with this certificate, for whom the API server allows; port 0 takes a free one. */
  readonly secureMetrics?: { readonly certificate: CertificateFiles; readonly port: number };
  /** Agents, too, serve their metrics over TLS, with what is in this Secret of the namespace. */
  readonly metricsTlsSecret?: string;
  /** Port of the page for people, on 127.0.0.1 alone; 0 takes a free one; undefined: there is no page. */
  readonly pagePort?: number;
  /** Of this process and of the agents. */
  readonly logFormat: LogFormat;
  /** Of this process alone: another level here restarts no agent. */
  readonly logLevel: LogLevel;
  /** False: work without asking for the Lease (only one operator may run then). */
  readonly leaderElect: boolean;
  /** False: the CRDs are somebody else's to write, Git's say. */
  readonly manageCrds: boolean;
  /** False: kube-proxy is parked nowhere, whatever ProxyConfigs say, and comes back where it was. */
  readonly manageKubeProxy: boolean;
  /** kube-proxy's DaemonSet. */
  readonly kubeProxy: { readonly namespace: string; readonly name: string };
  /** Who this process is in the Lease. */
  readonly identity: string;
}

const usage = `Usage: nftproxy operator [options]

Keeps the CRDs, runs an agent on every node and tells each what the ProxyConfigs say.

  --kubeconfig FILE       how to reach the API server (default: $KUBECONFIG, else the Pod's service account)
  --namespace NAME        where the agents and the leader's Lease live (default $POD_NAMESPACE, else nftproxy-system)
  --image IMAGE           image of the agents (default: that of the operator's own Pod, $POD_NAME)
  --api-server URLS       API servers to ask before all others, separated by commas, e.g. https://192.0.2.10:6443: on a
                          cluster that has no service proxy yet, whose ClusterIPs lead nowhere
                          (default $NFTPROXY_API_SERVER)
  --agent-api-server URLS API servers that agents are to ask before all others, e.g. the address of a load balancer
                          (default: the endpoints of the Service default/kubernetes, which agents follow)
  --agent-node-selector S nodes that have an agent at all, e.g. 'type!=virtual-kubelet' (default: every Linux node); takes
                          effect at once: agents elsewhere end, and what they wrote stays
  --http-port PORT        port of /healthz, /readyz and, without a certificate, /metrics (default 8080)
  --metrics-tls-cert-file and
  --metrics-tls-key-file  PEM files, read again when they change: /metrics over HTTPS, at --metrics-port instead of
                          --http-port, and only for bearer tokens that the API server knows and that may get it
                          (default: HTTP, for everybody)
  --metrics-port PORT     port of /metrics over HTTPS (default 8443)
  --metrics-tls-secret S  a Secret with tls.crt and tls.key in the namespace, with which agents serve their metrics in the
                          same way; they are made anew when this changes (default: HTTP, for everybody)
  --page-port PORT        port of a page for people, on 127.0.0.1 alone: kubectl port-forward leads there (default 8081,
                          10350 in config/operator and the chart; empty: no page)
  --log-format FORMAT     text or json (default text); the agents get the same
  --log-level LEVEL       debug, info, warn or error (default info)
  --manage-crds BOOL      true or false: whether the operator writes its CRDs, and puts them back when somebody deletes or
                          changes them, or waits until somebody applies them (default true)
  --manage-kube-proxy BOOL
                          true or false: false brings kube-proxy back to every node that it was taken off, whatever
                          spec.kubeProxyManagement of ProxyConfigs says (default true)
  --kube-proxy NS/NAME    kube-proxy's DaemonSet (default kube-system/kube-proxy)
  --leader-elect BOOL     true or false: whether several may run, of which one works (default true)
`;

/** @throws UsageError, HelpRequest */
export function parseOperatorOptions(args: readonly string[], environment: NodeJS.ProcessEnv): OperatorOptions {
  const values = parseOptions(args, usage, {
    kubeconfig: { type: 'string' },
    image: { type: 'string' },
    'api-server': { type: 'string', default: environment['NFTPROXY_API_SERVER'] ?? '' },
    'agent-api-server': { type: 'string', default: '' },
    'agent-node-selector': { type: 'string' },
    namespace: { type: 'string', default: environment['POD_NAMESPACE'] ?? defaultNamespace },
    'http-port': { type: 'string', default: '8080' },
    'metrics-tls-cert-file': { type: 'string' },
    'metrics-tls-key-file': { type: 'string' },
    'metrics-port': { type: 'string', default: '8443' },
    'metrics-tls-secret': { type: 'string', default: '' },
    'page-port': { type: 'string', default: '8081' },
    'log-format': { type: 'string', default: 'text' },
    'log-level': { type: 'string', default: 'info' },
    'manage-crds': { type: 'string', default: 'true' },
    'manage-kube-proxy': { type: 'string', default: 'true' },
    'kube-proxy': { type: 'string', default: 'kube-system/kube-proxy' },
    'leader-elect': { type: 'string', default: 'true' },
  });
  const { image } = values;
  const podName = environment['POD_NAME'];
  if ((image ?? podName ?? '') === '') {
    throw new UsageError(
      '--image is missing: the image that agents are to run ($POD_NAME names no Pod whose they could)',
    );
  }
  return {
    ...(values.kubeconfig !== undefined && { kubeconfig: values.kubeconfig }),
    namespace: values.namespace,
    ...(image !== undefined && { image }),
    ...(podName !== undefined && { podName }),
    apiServers: serverUrls('--api-server', values['api-server']),
    agentApiServers: serverUrls('--agent-api-server', values['agent-api-server']),
    ...agentNodeSelector(values['agent-node-selector']),
    httpPort: port('--http-port', values['http-port']),
    ...secureMetrics(metricsCertificate(values), port('--metrics-port', values['metrics-port'])),
    ...metricsTlsSecret(values['metrics-tls-secret']),
    ...pagePort(values['page-port']),
    logFormat: oneOf('--log-format', values['log-format'], logFormats),
    logLevel: oneOf('--log-level', values['log-level'], logLevels),
    manageCrds: isTrue('--manage-crds', values['manage-crds']),
    manageKubeProxy: isTrue('--manage-kube-proxy', values['manage-kube-proxy']),
    kubeProxy: namespaced('--kube-proxy', values['kube-proxy']),
    leaderElect: isTrue('--leader-elect', values['leader-elect']),
    // A Pod runs one operator at a time: one that is restarted there need not wait for the Lease of its predecessor.
    identity: podName ?? `${hostname()}_${process.pid}`,
  };
}

function isTrue(option: string, text: string): boolean {
  return oneOf(option, text, ['true', 'false']) === 'true';
}

function secureMetrics(
  certificate: CertificateFiles | undefined,
  port: number,
): Pick<OperatorOptions, 'secureMetrics'> {
  return certificate === undefined ? {} : { secureMetrics: { certificate, port } };
}

function metricsTlsSecret(text: string): Pick<OperatorOptions, 'metricsTlsSecret'> {
  return text === '' ? {} : { metricsTlsSecret: text };
}

function pagePort(text: string): Pick<OperatorOptions, 'pagePort'> {
  return text === '' ? {} : { pagePort: port('--page-port', text) };
}

function namespaced(option: string, text: string): { namespace: string; name: string } {
  const [namespace = '', name = '', ...more] = text.split('/');
  if (namespace !== '' && name !== '' && more.length === 0) return { namespace, name };
  throw new UsageError(`${option} is "${text}": use NAMESPACE/NAME`);
}

function port(option: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65536) return Number(text);
  throw new UsageError(`${option} is "${text}": use a port number`);
}

function serverUrls(option: string, text: string): string[] {
  try {
    return parseServerUrls(text);
  } catch (error) {
    throw new UsageError(`${option}: ${describeError(error)}`, { cause: error });
  }
}

function agentNodeSelector(text = ''): Pick<OperatorOptions, 'agentNodeSelector'> {
  if (text === '') return {};
  try {
    return { agentNodeSelector: parseSelector(text) };
  } catch (error) {
    throw new UsageError(`--agent-node-selector: ${describeError(error)}`, { cause: error });
  }
}
