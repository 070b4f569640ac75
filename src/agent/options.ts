import { hostname } from 'node:os';
import { parseServerUrls } from '../kubernetes/index.ts';
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

/** What `nftproxy agent` is told on its command line. */
export interface AgentOptions {
  /** Path of a kubeconfig; undefined: $KUBECONFIG, or the Pod's service account. */
  readonly kubeconfig?: string;
  /** API servers to ask before all others. */
  readonly apiServers: readonly string[];
  /** Where the operator says where API servers are: files `given` and `found`; undefined: nowhere. */
  readonly apiServersDirectory: string | undefined;
  /** Name of the Node this agent runs on. */
  readonly nodeName: string;
  /** The operator's namespace, where the agent's Lease is; undefined: that of the connection. */
  readonly namespace?: string;
  /** A ProxyConfig manifest to follow instead of what the operator assigns. */
  readonly config?: string;
  readonly healthAddress: string;
  readonly metricsAddress: string;
  /** Metrics over TLS with this certificate, for whom the API server allows; undefined: in the clear, for everybody. */
  readonly metricsCertificate: CertificateFiles | undefined;
  /** Where the sysctls of the node are: a container's own /proc/sys is read-only. */
  readonly sysctlDirectory: string;
  /** Where the last good configuration is kept; undefined: nowhere. */
  readonly stateDirectory: string | undefined;
  /** Of the Pod template that this agent was made from; undefined: it has none. */
  readonly agentRevision: string | undefined;
  readonly logFormat: LogFormat;
  readonly logLevel: LogLevel;
}

const usage = `Usage: nftproxy agent [options]

Keeps this node's nftables in line with the cluster's Services.

  --node-name NAME        the Node this agent runs on (default: $NODE_NAME, else the host name)
  --namespace NAME        where its Lease is: the operator's namespace (default: $POD_NAMESPACE, else that of the Pod's
                          service account or of the kubeconfig, else nftproxy-system)
  --kubeconfig FILE       how to reach the API server (default: $KUBECONFIG, else the Pod's service account)
  --api-server URLS       API servers to ask before all others, separated by commas; the endpoints of the Service
                          default/kubernetes, which the agent follows, come after them
  --api-servers-directory where files "given" and "found" name API servers, one a line, for the first contact: what the
                          operator writes into a ConfigMap
  --config FILE           a ProxyConfig manifest (YAML or JSON) to follow without an operator and without the CRDs;
                          changes of the file are followed
  --healthz-bind-address  address:port of /healthz, /livez and /readyz (default 0.0.0.0:10256)
  --metrics-bind-address  address:port of /metrics (default 127.0.0.1:10249)
  --metrics-tls-cert-file and
  --metrics-tls-key-file  PEM files, read again when they change: /metrics over HTTPS alone, and only for bearer tokens
                          that the API server knows and that may get the path (default: HTTP, for everybody)
  --sysctl-directory      where the node's sysctls can be written (default /proc/sys)
  --state-directory       where the last good configuration and the addresses of the API servers are kept, for a
                          restart while nobody tells them (default /var/lib/nftproxy; empty: nowhere)
  --agent-revision        revision of the Pod template that the agent was made from, to be reported (default: none)
  --log-format            text or json (default text)
  --log-level             debug, info, warn or error (default info)
`;

/** @throws UsageError; HelpRequest for `--help` */
export function parseAgentOptions(args: readonly string[], environment: NodeJS.ProcessEnv): AgentOptions {
  const values = parseOptions(args, usage, {
    kubeconfig: { type: 'string' },
    'api-server': { type: 'string', default: '' },
    'api-servers-directory': { type: 'string' },
    'node-name': { type: 'string' },
    namespace: { type: 'string' },
    config: { type: 'string' },
    'healthz-bind-address': { type: 'string', default: '0.0.0.0:10256' },
    'metrics-bind-address': { type: 'string', default: '127.0.0.1:10249' },
    'metrics-tls-cert-file': { type: 'string' },
    'metrics-tls-key-file': { type: 'string' },
    'sysctl-directory': { type: 'string', default: '/proc/sys' },
    'state-directory': { type: 'string', default: '/var/lib/nftproxy' },
    'agent-revision': { type: 'string' },
    'log-format': { type: 'string', default: 'text' },
    'log-level': { type: 'string', default: 'info' },
  });
  const namespace = values.namespace ?? environment['POD_NAMESPACE'];
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(values.kubeconfig === undefined ? {} : { kubeconfig: values.kubeconfig }),
    ...(values.config === undefined ? {} : { config: values.config }),
    apiServers: serverUrls(values['api-server']),
    apiServersDirectory: values['api-servers-directory'],
    nodeName: nodeNameOf(values['node-name'], environment),
    healthAddress: values['healthz-bind-address'],
    metricsAddress: values['metrics-bind-address'],
    metricsCertificate: metricsCertificate(values),
    sysctlDirectory: values['sysctl-directory'],
    stateDirectory: values['state-directory'] === '' ? undefined : values['state-directory'],
    agentRevision: values['agent-revision'],
    logFormat: oneOf('--log-format', values['log-format'], logFormats),
    logLevel: oneOf('--log-level', values['log-level'], logLevels),
  };
}

/** The Node that a process runs on, unless its command line says another: $NODE_NAME, else the host's name. */
export function nodeNameOf(given: string | undefined, environment: NodeJS.ProcessEnv): string {
  return given ?? environment['NODE_NAME'] ?? hostname().toLowerCase();
}

function serverUrls(text: string): string[] {
  try {
    return parseServerUrls(text);
  } catch (error) {
    throw new UsageError(`--api-server: ${describeError(error)}`, { cause: error });
  }
}
