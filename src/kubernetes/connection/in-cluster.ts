import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Connection } from './connection.ts';
import { CredentialFile } from './credential-file.ts';

/**
 * The connection that a pod has by its service account: address from KUBERNETES_SERVICE_HOST and _PORT, and `token`,
 * `ca.crt` and (if there) `namespace` from the mounted directory. The token is read again every minute: kubelet
 * replaces it before it expires.
 *
 * @throws Error naming the variable or file that is missing
 */
export async function inClusterConnection(
  environment: Readonly<Record<string, string | undefined>>,
  directory: string,
): Promise<Connection> {
  const usedFor = 'service account of this pod (KUBERNETES_SERVICE_HOST is set, no kubeconfig is)';
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new Error('in-cluster configuration: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must both be set');
  }
  const token = new CredentialFile(join(directory, 'token'), usedFor);
  const ca = new CredentialFile(join(directory, 'ca.crt'), usedFor);
  await Promise.all([token.text(), ca.text()]);
  const namespace = await readIfThere(join(directory, 'namespace'));
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    firstContactOnly: true,
    source: directory,
    ...(namespace === undefined ? {} : { namespace }),
    tls: async () => ({ ca: await ca.text() }),
    authorization: async (o) => `Bearer ${await token.text(o)}`,
  };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
