import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';

export type Credentials = { token: string } | { certificate: string; key: string };

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Writes a kubeconfig with everything embedded, readable by the owner only. */
export async function writeKubeconfig(o: {
  file: string;
  server: string;
  ca: string;
  user: string;
  credentials: Credentials;
}): Promise<void> {
  const { credentials } = o;
  const user =
    'token' in credentials
      ? { token: credentials.token }
      : { 'client-certificate-data': base64(credentials.certificate), 'client-key-data': base64(credentials.key) };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'nftproxy', cluster: { server: o.server, 'certificate-authority-data': base64(o.ca) } }],
    users: [{ name: o.user, user }],
    contexts: [{ name: 'nftproxy', context: { cluster: 'nftproxy', user: o.user } }],
    'current-context': 'nftproxy',
  };
  await writeFile(o.file, stringify(config), { mode: 0o600 });
}
