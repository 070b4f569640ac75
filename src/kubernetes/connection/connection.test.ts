import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { stringify } from 'yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Surroundings } from './load-connection.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { CredentialFile } from './credential-file.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { ApiClient, loadConnection } from '../index.ts';
import type { Connection } from '../index.ts';

let directory: string;
let server: Server;
let seen: { authorization: string | undefined; headers: Record<string, unknown>; client: string | undefined }[] = [];
/** The bearer token that the server accepts; any if undefined. */
let accepted: string | undefined;

const file = (name: string): string => join(directory, name);
const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), `nftproxy-connection-${process.pid}-`));
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test-ca', '-days', '2');
  const sign = (name: string, subject: string, extension: string): void => {
    writeFileSync(file(`${name}.ext`), extension);
    openssl('req', '-new', ...curve, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    const ca = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...ca, '-out', `${name}.crt`, '-extfile', `${name}.ext`);
  };
  sign('server', '/CN=server', 'subjectAltName=IP:127.0.0.1,DNS:kubernetes.default.svc');
  sign('alien', '/CN=alien', 'subjectAltName=DNS:somewhere.else');
  sign('alice', '/O=system:masters/CN=alice', 'extendedKeyUsage=clientAuth');
  sign('bob', '/CN=bob', 'extendedKeyUsage=clientAuth');
  server = await serve('server');
});

async function serve(name: string): Promise<Server> {
  const pem = { key: readFileSync(file(`${name}.key`)), cert: readFileSync(file(`${name}.crt`)) };
  const listening = createServer({
    ...pem,
    ca: readFileSync(file('ca.crt')),
    requestCert: true,
    rejectUnauthorized: false,
  });
  listening.on('request', (request, response) => {
    const { authorization } = request.headers;
    const client = request.socket instanceof TLSSocket ? request.socket.getPeerCertificate().subject : undefined;
    seen.push({ authorization, headers: request.headers, client: client?.CN?.toString() });
    const refused = accepted !== undefined && authorization !== `Bearer ${accepted}`;
    response.writeHead(refused ? 401 : 200).end(refused ? '{"reason":"Unauthorized"}' : '{}');
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return listening;
}

afterEach(() => {
  seen = [];
  accepted = undefined;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true, force: true });
});

const portOf = (of: Server): number => (of.address() as AddressInfo).port;
const url = (): string => `https://127.0.0.1:${portOf(server)}`;
const base64 = (name: string): string => readFileSync(file(name)).toString('base64');

interface Parts {
  cluster?: Record<string, unknown>;
  user?: Record<string, unknown>;
}

async function kubeconfig({ cluster, user }: Parts = {}, name = 'config'): Promise<string> {
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [{ name: 'c', cluster: { server: url(), 'certificate-authority': 'ca.crt', ...cluster } }],
    users: [{ name: 'u', user: user ?? {} }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
  };
  await writeFile(file(name), stringify(document));
  return file(name);
}

async function load(parts: Parts = {}): Promise<Connection> {
  return loadConnection({ kubeconfig: await kubeconfig(parts) });
}

async function ask(connection: Connection, times = 1): Promise<void> {
  const client = new ApiClient(connection);
  try {
    for (let i = 0; i < times; i += 1) await client.get('/version');
  } finally {
    await client.close();
  }
}

describe('a kubeconfig', () => {
  it('with a token and a CA file next to it', async () => {
    const connection = await load({ user: { token: 't0ken' } });
    expect(connection).toMatchObject({ server: url(), namespace: 'shop', source: `${file('config')} (context here)` });
    await ask(connection);
    expect(seen[0]?.authorization).toBe('Bearer t0ken');
  });

  it('with client certificate and CA in base64', async () => {
    await ask(
      await load({
        cluster: { 'certificate-authority': undefined, 'certificate-authority-data': base64('ca.crt') },
        user: { 'client-certificate-data': base64('alice.crt'), 'client-key-data': base64('alice.key') },
      }),
    );
    expect(seen[0]?.client).toBe('alice');
  });

  it('with client certificate files', async () => {
    await ask(await load({ user: { 'client-certificate': 'bob.crt', 'client-key': 'bob.key' } }));
    expect(seen[0]?.client).toBe('bob');
  });

  it('with a server name other than the address', async () => {
    const alien = await serve('alien');
    const cluster = { server: `https://127.0.0.1:${portOf(alien)}` };
    await expect(ask(await load({ cluster }))).rejects.toThrow(/altnames.*server name/s);
    await ask(await load({ cluster: { ...cluster, 'tls-server-name': 'somewhere.else' } }));
    await ask(
      await load({ cluster: { ...cluster, 'certificate-authority': undefined, 'insecure-skip-tls-verify': true } }),
    );
    alien.closeAllConnections();
    alien.close();
  });

  it('without the right CA: is told what to look at', async () => {
    await expect(ask(await load({ cluster: { 'certificate-authority': undefined } }))).rejects.toThrow(
      /do the certificate authority, the server name and the client certificate of this connection fit the server\?$/,
    );
  });

  it('with impersonation', async () => {
    await ask(
      await load({ user: { token: 't', as: 'eve', 'as-groups': ['a', 'b'], 'as-user-extra': { 'x/y': ['1'] } } }),
    );
    expect(seen[0]?.headers).toMatchObject({
      'impersonate-user': 'eve',
      'impersonate-group': 'a, b',
      'impersonate-extra-x%2fy': '1',
    });
  });

  it('with a token file: a token that was replaced is read when the old one is refused', async () => {
    await writeFile(file('token'), 'old\n');
    const connection = await load({ user: { tokenFile: 'token' } });
    const client = new ApiClient(connection);
    await client.get('/version');
    await writeFile(file('token'), 'new\n');
    await client.get('/version');
    accepted = 'new';
    await client.get('/version');
    expect(seen.map(({ authorization }) => authorization)).toEqual([
      'Bearer old',
      'Bearer old',
      'Bearer old',
      'Bearer new',
    ]);
    accepted = 'another';
    await expect(client.get('/version')).rejects.toMatchObject({ status: 401 });
    await client.close();
  });

  it('with an exec plugin that hands out a token, once', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'ex' },
    };
    await writeFile(
      file('plugin.sh'),
      `#!/bin/sh\necho run >> ${file('runs')}\necho '${JSON.stringify(credential)}'\n`,
      {
        mode: 0o755,
      },
    );
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin.sh' } };
    await ask(await load({ user }), 3);
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer ex', 'Bearer ex', 'Bearer ex']);
    expect(readFileSync(file('runs'), 'utf8')).toBe('run\n');
  });

  it('with an exec plugin that fails', async () => {
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'false' } };
    await expect(ask(await load({ user }))).rejects.toThrow(
      `${file('config')}: users[0].user: the credential plugin failed`,
    );
  });

  it.each<[string, Parts, string]>([
    ['no server', { cluster: { server: '' } }, 'clusters[0].cluster.server: is missing'],
    ['a server that is no URL', { cluster: { server: 'here' } }, 'clusters[0].cluster.server: "here" is not an http'],
    ['a proxy', { cluster: { 'proxy-url': 'http://p' } }, 'clusters[0].cluster.proxy-url: proxies are not supported'],
    [
      'a CA that is not used',
      { cluster: { 'insecure-skip-tls-verify': true } },
      'clusters[0].cluster.insecure-skip-tls-verify: contradicts',
    ],
    [
      'a CA that is not PEM',
      { cluster: { 'certificate-authority-data': 'aGVsbG8=' } },
      'clusters[0].cluster.certificate-authority-data: is not PEM in base64',
    ],
    ['a key alone', { user: { 'client-key': 'bob.key' } }, 'users[0].user.client-certificate: is missing'],
    ['a password', { user: { username: 'a', password: 'b' } }, 'users[0].user.username: user name and password'],
    ['a number as token', { user: { token: 5 } }, 'users[0].user.token: must be a text, not a number'],
  ])('with %s is refused, naming the field', async (_, parts, message) => {
    await expect(load(parts)).rejects.toThrow(`${file('config')}: ${message}`);
  });

  it('that names a file which is not there says so at the first request', async () => {
    await expect(ask(await load({ cluster: { 'certificate-authority': 'gone.crt' } }))).rejects.toThrow(
      `${file('config')}: clusters[0].cluster.certificate-authority: cannot read ${file('gone.crt')}`,
    );
  });

  it('that is something else entirely', async () => {
    await writeFile(file('bad'), '{ unfinished: [');
    await expect(loadConnection({ kubeconfig: file('bad') })).rejects.toThrow(`${file('bad')}: is not YAML`);
    await writeFile(file('bad'), 'kind: Deployment');
    await expect(loadConnection({ kubeconfig: file('bad') })).rejects.toThrow('kind: must be Config, not Deployment');
    await writeFile(file('bad'), 'clusters: 5');
    await expect(loadConnection({ kubeconfig: file('bad') })).rejects.toThrow('clusters: must be a list, not a number');
    await expect(loadConnection({ kubeconfig: file('none') })).rejects.toThrow(`${file('none')} does not exist`);
  });

  it('with a context that does not exist lists those that do', async () => {
    const path = await kubeconfig();
    await expect(loadConnection({ kubeconfig: path, context: 'there' })).rejects.toThrow(
      'contexts: has no "there", only "here"',
    );
  });
});

describe('where the connection comes from', () => {
  function surroundings(environment: Surroundings['environment'] = {}): Surroundings {
    return { environment, home: directory, serviceAccountDirectory: directory };
  }

  it('several files of $KUBECONFIG are merged, the first wins, missing ones are passed over', async () => {
    await writeFile(
      file('first'),
      stringify({ 'current-context': 'mine', contexts: [{ name: 'mine', context: { cluster: 'c' } }] }),
    );
    const environment = { KUBECONFIG: [file('none'), file('first'), await kubeconfig()].join(':') };
    const connection = await loadConnection({}, surroundings(environment));
    expect(connection.source).toBe(`${file('first')}, ${file('config')} (context mine)`);
    await ask(connection);
  });

  it('in a pod it is the service account', async () => {
    await writeFile(file('token'), 'pod-token');
    await writeFile(file('namespace'), 'kube-system');
    const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(portOf(server)) };
    const connection = await loadConnection({}, surroundings(environment));
    expect(connection).toMatchObject({ server: url(), namespace: 'kube-system' });
    await ask(connection);
    expect(seen[0]?.authorization).toBe('Bearer pod-token');
    const six = await loadConnection({}, surroundings({ ...environment, KUBERNETES_SERVICE_HOST: 'fd00::1' }));
    expect(six.server).toBe(`https://[fd00::1]:${portOf(server)}`);
  });

  it('in a pod without a service account the message names the file', async () => {
    const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
    const nowhere = { ...surroundings(environment), serviceAccountDirectory: '/nowhere' };
    await expect(loadConnection({}, nowhere)).rejects.toThrow(/cannot read \/nowhere\/(token|ca\.crt)/);
  });

  it('elsewhere it is ~/.kube/config', async () => {
    await expect(loadConnection({}, surroundings())).rejects.toThrow(`${file('.kube/config')} does not exist`);
  });
});

it('a credential file is read again after a minute, or when its content was refused', async () => {
  const clock = new ManualClock();
  await writeFile(file('rotating'), 'one');
  const credential = new CredentialFile(file('rotating'), 'test', clock);
  expect(await credential.text()).toBe('one');
  await writeFile(file('rotating'), 'two');
  await clock.advance(59_999);
  expect(await credential.text()).toBe('one');
  await clock.advance(1);
  expect(await credential.text()).toBe('two');
  await writeFile(file('rotating'), 'three');
  expect(await credential.text({ renew: true })).toBe('three');
  await writeFile(file('rotating'), ' \n');
  await expect(credential.text({ renew: true })).rejects.toThrow(`test: ${file('rotating')} is empty`);
});
