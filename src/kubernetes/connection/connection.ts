import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { inClusterConnection } from './in-cluster.ts';
import { connectionFromKubeconfig } from './kubeconfig-connection.ts';
import { readKubeconfig } from './kubeconfig.ts';

/** What a TLS connection to the server needs; certificates and keys are PEM text. */
export interface TlsMaterial {
  /** Certificate authorities; the system's if left out. */
  ca?: string;
  certificate?: string;
  key?: string;
  /** Name to check the server's certificate against (and to send as SNI), if it is not the host of the URL. */
  serverName?: string;
  insecureSkipVerify?: boolean;
}

/** Where the API server is and how to prove who we are. Only `server` is required: `{ server: 'http://…' }` will do. */
export interface Connection {
  /** Base URL, possibly with a path. */
  readonly server: string;
  /** Where this connection was described, for messages. */
  readonly source?: string;
  /** The namespace that the context, or the pod, is in. */
  readonly namespace?: string;
  /** Headers of every request: impersonation. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Asked before each new TLS connection, so that rotated certificates are picked up. */
  readonly tls?: () => Promise<TlsMaterial>;
  /** The Authorization header, asked before each request; `renew` after the server has refused the last one. */
  readonly authorization?: (o: { renew: boolean }) => Promise<string | undefined>;
}

/** What {@link loadConnection} reads of its surroundings; given by tests. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Where a pod finds its token, CA and namespace. */
  readonly serviceAccountDirectory: string;
}

const ownSurroundings: Surroundings = {
  environment: process.env,
  home: homedir(),
  serviceAccountDirectory: '/var/run/secrets/kubernetes.io/serviceaccount',
};

/**
 * Finds the API server: the file `kubeconfig` if given, else the files of $KUBECONFIG, else the pod's service account
 * (when KUBERNETES_SERVICE_HOST is set and no context is asked for), else `~/.kube/config`.
 *
 * @param o.context the context to use instead of the file's current one
 * @throws Error that names the file and the field at fault
 */
export async function loadConnection(
  o: { kubeconfig?: string; context?: string } = {},
  surroundings: Surroundings = ownSurroundings,
): Promise<Connection> {
  const files = kubeconfigFiles(o.kubeconfig, surroundings);
  const inCluster = surroundings.environment['KUBERNETES_SERVICE_HOST'] !== undefined && o.context === undefined;
  if (files.length === 0 && inCluster) {
    return inClusterConnection(surroundings.environment, surroundings.serviceAccountDirectory);
  }
  const chosen = files.length > 0 ? files : [join(surroundings.home, '.kube', 'config')];
  return connectionFromKubeconfig(await readKubeconfig(chosen), o.context);
}

function kubeconfigFiles(explicit: string | undefined, { environment }: Surroundings): string[] {
  if (explicit !== undefined && explicit !== '') return [explicit];
  return (environment['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
}
