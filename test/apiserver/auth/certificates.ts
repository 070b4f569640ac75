import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM texts of a certificate authority, and of a server's certificate that it has signed. */
export interface Certificates {
  readonly ca: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
}

const made = new Map<string, Promise<Certificates>>();

/**
 * Makes certificates with the `openssl` command (3.0 or later), once in this process for the same names: it takes a while.
 * @param names what the server is called: `DNS:localhost`, `IP:127.0.0.1` ...
 */
export function certificatesFor(names: readonly string[]): Promise<Certificates> {
  const key = names.join(',');
  const certificates = made.get(key) ?? make(key);
  made.set(key, certificates);
  return certificates;
}

async function make(names: string): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'nftproxy-certificates-'));
  try {
    await openssl(folder, ['-subj', '/CN=nftproxy-test-ca', '-keyout', 'ca.key', '-out', 'ca.crt']);
    const server = ['-subj', '/CN=kube-apiserver', '-keyout', 'server.key', '-out', 'server.crt'];
    const extensions = ['-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=CA:FALSE'];
    await openssl(folder, [...server, ...extensions, '-CA', 'ca.crt', '-CAkey', 'ca.key']);
    const text = (file: string): Promise<string> => readFile(join(folder, file), 'utf8');
    return {
      ca: await text('ca.crt'),
      serverCertificate: await text('server.crt'),
      serverKey: await text('server.key'),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function openssl(folder: string, args: readonly string[]): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
  try {
    await run('openssl', ['req', '-x509', ...key, ...args], { cwd: folder });
  } catch (error) {
    throw new Error(`openssl failed; is it installed, 3.0 or later? ${String(error)}`, { cause: error });
  }
}
