import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The files of a small certificate authority. */
export interface Certificates {
  caFile: string;
  /** PEM texts. */
  ca: string;
  serverCertificate: string;
  serverKey: string;
  adminCertificate: string;
  adminKey: string;
}

async function openssl(directory: string, args: string[]): Promise<void> {
  try {
    await run('openssl', args, { cwd: directory });
  } catch (error) {
    throw new Error(`openssl ${args[0] ?? ''} failed; is openssl installed? ${String(error)}`, { cause: error });
  }
}

async function makeAuthority(directory: string): Promise<void> {
  if (existsSync(join(directory, 'ca.crt'))) return;
  const subject = ['-subj', '/CN=nftproxy-test-ca', '-days', '3650', '-keyout', 'ca.key', '-out', 'ca.crt'];
  const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  await openssl(directory, [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    ...subject,
    ...usage,
  ]);
}

async function issue(directory: string, name: string, subject: string, extensions: string[]): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  await openssl(directory, ['req', '-new', ...key, '-subj', subject, '-out', `${name}.csr`]);
  await writeFile(join(directory, `${name}.ext`), `${extensions.join('\n')}\n`);
  const from = ['-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '3650'];
  await openssl(directory, ['x509', ...from, '-extfile', `${name}.ext`, '-out', `${name}.crt`]);
}

const names = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

/**
 * Makes (or finds) a CA, a server certificate and an administrator's client certificate in a directory.
 * @param addresses further IP addresses under which the server is reached
 */
export async function makeCertificates(directory: string, addresses: string[]): Promise<Certificates> {
  await mkdir(directory, { recursive: true });
  await makeAuthority(directory);
  const alternatives = [
    ...names.map((name) => `DNS:${name}`),
    ...['127.0.0.1', '::1', ...addresses].map((ip) => `IP:${ip}`),
  ];
  const server = [`subjectAltName=${[...new Set(alternatives)].join(',')}`, 'extendedKeyUsage=serverAuth'];
  await issue(directory, 'server', '/CN=kube-apiserver', server);
  if (!existsSync(join(directory, 'admin.crt'))) {
    await issue(directory, 'admin', '/O=system:masters/CN=kubernetes-admin', ['extendedKeyUsage=clientAuth']);
  }
  const text = (file: string): Promise<string> => readFile(join(directory, file), 'utf8');
  return {
    caFile: join(directory, 'ca.crt'),
    ca: await text('ca.crt'),
    serverCertificate: await text('server.crt'),
    serverKey: await text('server.key'),
    adminCertificate: await text('admin.crt'),
    adminKey: await text('admin.key'),
  };
}
