import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './commands.ts';

/** Files (PEM) of a certificate authority, a server certificate signed by it, and a key to sign tokens with. */
export interface Certificates {
  ca: string;
  serverCertificate: string;
  serverKey: string;
  tokenKey: string;
}

/**
 * Makes certificates with the `openssl` command (3.0 or later).
 * @param names what the server is called: `DNS:localhost`, `IP:127.0.0.1` ...
 */
export async function createCertificates(folder: string, names: readonly string[]): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  const common = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
  const authority = ['-subj', '/CN=nftproxy-test-ca', '-keyout', file('ca.key'), '-out', file('ca.crt')];
  await runCommand('openssl', [...common, ...authority]);
  const server = ['-subj', '/CN=kube-apiserver', '-keyout', file('server.key'), '-out', file('server.crt')];
  const extensions = ['-addext', `subjectAltName=${names.join(',')}`, '-addext', 'basicConstraints=CA:FALSE'];
  await runCommand('openssl', [...common, ...server, ...extensions, '-CA', file('ca.crt'), '-CAkey', file('ca.key')]);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(file('token.key'), privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  return {
    ca: file('ca.crt'),
    serverCertificate: file('server.crt'),
    serverKey: file('server.key'),
    tokenKey: file('token.key'),
  };
}
