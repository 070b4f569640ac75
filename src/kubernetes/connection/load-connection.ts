import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Connection } from './connection.ts';
import { inClusterConnection } from './in-cluster.ts';
import { connectionFromKubeconfig } from './kubeconfig-connection.ts';
import { readKubeconfig } from './kubeconfig.ts';

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
