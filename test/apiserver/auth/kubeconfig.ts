import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';

/** Writes a kubeconfig with everything embedded, readable by the owner only. */
export async function writeKubeconfig(o: {
  path: string;
  server: string;
  ca: string;
  user: string;
  token: string;
}): Promise<void> {
  const authority = Buffer.from(o.ca).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'nftproxy', cluster: { server: o.server, 'certificate-authority-data': authority } }],
    users: [{ name: o.user, user: { token: o.token } }],
    contexts: [{ name: 'nftproxy', context: { cluster: 'nftproxy', user: o.user } }],
    'current-context': 'nftproxy',
  };
  await writeFile(o.path, stringify(config), { mode: 0o600 });
}
