import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ApiClient, isNotFound, loadConnection } from '../../src/kubernetes/index.ts';
import { apiServerNames, serviceCidrs } from './control-plane.ts';
import type { ApiServerControl, TokenSubject } from './control-plane.ts';
import { certificatesFor } from '../apiserver/index.ts';
import { eventually, ManagedProcess } from '../support/index.ts';

/**
 * Starts a real etcd and kube-apiserver from a folder of binaries (the envtest convention: KUBEBUILDER_ASSETS).
 * Authorization is RBAC; the kubeconfig belongs to system:masters.
 * @param folder for data, certificates and logs (`etcd.log`, `kube-apiserver.log`).
 * @param bind the address that it listens on
 * @throws Error with the end of the log when a server does not become ready.
 */
export async function startKubeApiServer(
  assets: string,
  folder: string,
  bind = '127.0.0.1',
): Promise<ApiServerControl> {
  await mkdir(folder, { recursive: true });
  const certificates = await writeCertificates(folder);
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const adminToken = randomBytes(16).toString('hex');
  await writeFile(join(folder, 'tokens.csv'), `${adminToken},admin,admin,"system:masters"\n`, { mode: 0o600 });
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = await writeKubeconfig(folder, url, certificates.ca, adminToken);

  const etcd = startServer(folder, 'etcd', etcdCommand(assets, folder, etcdPort, peerPort));
  const command = apiServerCommand(assets, folder, { certificates, bind, port, etcdPort });
  let server = startServer(folder, 'kube-apiserver', command);
  const client = new ApiClient(await loadConnection({ kubeconfig }), { timeoutSeconds: 5 });
  const close = async (): Promise<void> => {
    await client.close();
    await server.stop(1000);
    await etcd.stop(1000);
  };
  const ready = (): Promise<void> => untilReady(client, server, join(folder, 'kube-apiserver.log'));
  try {
    await ready();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    kind: 'kube-apiserver',
    url,
    port,
    kubeconfig,
    certificateAuthority: readFileSync(certificates.ca, 'utf8'),
    issueToken: (subject) => requestToken(client, subject),
    async restart() {
      await server.stop(1000);
      server = startServer(folder, 'kube-apiserver', command);
      await ready();
    },
    close,
  };
}

/** Files (PEM): certificates, and a key to sign tokens with. */
interface CertificateFiles {
  readonly ca: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  readonly tokenKey: string;
}

async function writeCertificates(folder: string): Promise<CertificateFiles> {
  const { ca, serverCertificate, serverKey } = await certificatesFor(apiServerNames);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  return {
    ca: await write('ca.crt', ca),
    serverCertificate: await write('server.crt', serverCertificate),
    serverKey: await write('server.key', serverKey),
    tokenKey: await write('token.key', String(privateKey.export({ type: 'sec1', format: 'pem' }))),
  };
}

function etcdCommand(assets: string, folder: string, port: number, peerPort: number): string[] {
  const client = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return [
    join(assets, 'etcd'),
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
  ];
}

function apiServerCommand(
  assets: string,
  folder: string,
  o: { certificates: CertificateFiles; bind: string; port: number; etcdPort: number },
): string[] {
  const { ca, serverCertificate, serverKey, tokenKey } = o.certificates;
  return [
    join(assets, 'kube-apiserver'),
    `--etcd-servers=http://127.0.0.1:${o.etcdPort}`,
    `--bind-address=${o.bind}`,
    `--secure-port=${o.port}`,
    '--advertise-address=172.30.0.2',
    // The EndpointSlice of the `kubernetes` Service is ours: it names the forwarder on the nodes' network.
    '--endpoint-reconciler-type=none',
    `--tls-cert-file=${serverCertificate}`,
    `--tls-private-key-file=${serverKey}`,
    `--client-ca-file=${ca}`,
    `--cert-dir=${folder}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${tokenKey}`,
    `--service-account-signing-key-file=${tokenKey}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    `--service-cluster-ip-range=${serviceCidrs.join(',')}`,
    '--allow-privileged=true',
    // Nobody creates default service accounts here.
    '--disable-admission-plugins=ServiceAccount',
  ];
}

function startServer(folder: string, name: string, command: string[]): ManagedProcess {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder };
  return ManagedProcess.start({ command, env, logFile: join(folder, `${name}.log`) });
}

async function untilReady(client: ApiClient, server: ManagedProcess, logFile: string): Promise<void> {
  const answers = (): Promise<object> => client.get('/api/v1/namespaces/default');
  const lastLines = (): string => readFileSync(logFile, 'utf8').split('\n').slice(-15).join('\n');
  await eventually('kube-apiserver to become ready', answers, {
    seconds: 60,
    milliseconds: 100,
    hopeless: () => !server.running,
    evidence: () => `; ${logFile} ends with:\n${lastLines()}`,
  });
}

async function requestToken(client: ApiClient, subject: TokenSubject): Promise<string> {
  const { namespace, serviceAccount: name, pod } = subject;
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid };
  const spec = { expirationSeconds: 36_000, boundObjectRef };
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  const ask = () => client.create<{ status: { token: string } }>(path, request);
  try {
    return (await ask()).status.token;
  } catch (error) {
    if (!isNotFound(error) || name !== 'default') throw error;
    // Every namespace has this one; its controller does not run here.
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`;
    await client.apply(path, account, { fieldManager: 'serviceaccount-controller' });
    return (await ask()).status.token;
  }
}

async function writeKubeconfig(folder: string, server: string, ca: string, token: string): Promise<string> {
  const path = join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': ca } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  };
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}

/** A TCP port on loopback that nobody uses at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
