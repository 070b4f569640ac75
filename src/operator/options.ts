import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { parseHostPort } from './agents/index.ts';
import type { HostPort } from './agents/index.ts';

/** What `nftproxy operator` is told on its command line. */
export interface OperatorOptions {
  /** Path of a kubeconfig; undefined: $KUBECONFIG, else the Pod's service account, else ~/.kube/config. */
  readonly kubeconfig?: string;
  /** Where the agents' DaemonSet and the leader's Lease live. */
  readonly namespace: string;
  /** Image of the agents. */
  readonly image: string;
  /** The API server for agents; undefined: found from the EndpointSlices of default/kubernetes. */
  readonly agentApiServer?: HostPort;
  /** Port of /healthz, /readyz and /metrics; 0 takes a free one. */
  readonly httpPort: number;
  readonly logFormat: 'json' | 'text';
  /** False: work without asking for the Lease (only one operator may run then). */
  readonly leaderElect: boolean;
  /** Who this process is in the Lease. */
  readonly identity: string;
}

/** A command line that cannot be understood; the message says which option and what it takes. */
export class OperatorUsageError extends Error {
  override readonly name = 'OperatorUsageError';
}

export const operatorUsage = `Usage: nftproxy operator [options]

Installs the CRDs, runs an agent on every node and tells each what the ProxyConfigs say.

  --kubeconfig FILE       how to reach the API server (default: $KUBECONFIG, else the Pod's service account)
  --namespace NAME        where the agents and the leader's Lease live (default $POD_NAMESPACE, else nftproxy-system)
  --image IMAGE           image of the agents (default: $NFTPROXY_IMAGE)
  --agent-api-server URL  how agents reach the API server, e.g. https://192.0.2.10:6443; behind several API servers the
                          address of their load balancer (default: one of the endpoints of Service default/kubernetes)
  --http-port PORT        port of /healthz, /readyz and /metrics (default 8080)
  --log-format FORMAT     text or json (default text)
  --leader-elect BOOL     true or false: whether several may run, of which one works (default true)
`;

const flags = {
  kubeconfig: { type: 'string' },
  namespace: { type: 'string' },
  image: { type: 'string' },
  'agent-api-server': { type: 'string' },
  'http-port': { type: 'string' },
  'log-format': { type: 'string' },
  'leader-elect': { type: 'string' },
} as const;

/** @throws OperatorUsageError */
export function parseOperatorOptions(args: readonly string[], environment: NodeJS.ProcessEnv): OperatorOptions {
  const values = parse(args);
  const server = values['agent-api-server'];
  return {
    ...(values.kubeconfig !== undefined && { kubeconfig: values.kubeconfig }),
    namespace: values.namespace ?? environment['POD_NAMESPACE'] ?? 'nftproxy-system',
    image: imageFor(values.image ?? environment['NFTPROXY_IMAGE']),
    ...(server !== undefined && { agentApiServer: hostPort(server) }),
    httpPort: port(values['http-port'] ?? '8080'),
    logFormat: oneOf('--log-format', values['log-format'] ?? 'text', ['json', 'text']),
    leaderElect: oneOf('--leader-elect', values['leader-elect'] ?? 'true', ['true', 'false']) === 'true',
    identity: `${environment['POD_NAME'] ?? hostname()}_${process.pid}`,
  };
}

function parse(args: readonly string[]): Partial<Record<keyof typeof flags, string>> {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new OperatorUsageError(`${error instanceof Error ? error.message : String(error)}\n\n${operatorUsage}`);
  }
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new OperatorUsageError(`${option} is "${value}": use one of ${allowed.join(', ')}`);
}

function imageFor(image: string | undefined): string {
  if (image !== undefined && image !== '') return image;
  throw new OperatorUsageError('--image is missing: the image that agents are to run');
}

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65536) return Number(text);
  throw new OperatorUsageError(`--http-port is "${text}": use a port number`);
}

function hostPort(text: string): HostPort {
  try {
    return parseHostPort(text);
  } catch (error) {
    throw new OperatorUsageError(`--agent-api-server: ${error instanceof Error ? error.message : String(error)}`);
  }
}
