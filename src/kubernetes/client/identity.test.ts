import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient } from '../index.ts';
import { describeError } from '../../runtime/index.ts';

let directory: string;
let ca: string;
const servers: Server[] = [];
/** Servers with certificates of one authority, by what these name, and one of another authority. */
let urls: Record<'cluster' | 'address' | 'neither' | 'alien', string>;

const file = (name: string): string => join(directory, name);
const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nftproxy-identity-'));
  for (const authority of ['ca', 'other-ca'])
    openssl('req', '-x509', ...curve, '-keyout', `${authority}.key`, '-out', `${authority}.crt`, '-subj', '/CN=ca');
  ca = readFileSync(file('ca.crt'), 'utf8');
  urls = {
    cluster: await serve('cluster', 'DNS:kubernetes.default.svc,IP:192.0.2.1'),
    address: await serve('address', 'IP:127.0.0.1'),
    neither: await serve('neither', 'DNS:somewhere.else'),
    alien: await serve('alien', 'DNS:kubernetes.default.svc,IP:127.0.0.1', 'other-ca'),
  };
}, 60_000);

afterAll(async () => {
  for (const server of servers) server.close().closeAllConnections();
  await rm(directory, { recursive: true, force: true });
});

async function serve(name: string, names: string, authority = 'ca'): Promise<string> {
  writeFileSync(file(`${name}.ext`), `subjectAltName=${names}`);
  openssl('req', '-new', ...curve, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  const signer = ['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-CAcreateserial', '-days', '2'];
  openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-out', `${name}.crt`, '-extfile', `${name}.ext`);
  const pem = { key: readFileSync(file(`${name}.key`)), cert: readFileSync(file(`${name}.crt`)) };
  const server = createServer(pem, (_request, response) => response.end('{}'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** `accepted`, or what is wrong with the certificate, of a server that is known in this way. */
async function verdict(
  how: 'of a kubeconfig' | 'in cluster' | 'given' | 'learnt',
  url: string,
  insecureSkipVerify = false,
): Promise<string> {
  const tls = () => Promise.resolve({ ca, insecureSkipVerify });
  const named = how === 'of a kubeconfig' || how === 'in cluster';
  const firstContactOnly = how !== 'of a kubeconfig';
  const client = new ApiClient({ server: named ? url : 'https://127.0.0.1:1', firstContactOnly, tls });
  client.servers.use({ ...(how === 'given' && { given: [url] }), ...(how === 'learnt' && { known: [url] }) });
  try {
    return await client.get('/version').then(() => 'accepted', describeError);
  } finally {
    await client.close();
  }
}
const accepted = 'accepted';
const otherNames = expect.stringMatching(/altnames/) as string;

describe('who an API server says that it is', () => {
  it('must be the host that a kubeconfig names', async () => {
    expect(await verdict('of a kubeconfig', urls.address)).toBe(accepted);
    expect(await verdict('of a kubeconfig', urls.cluster)).toEqual(otherNames);
  });

  it.each(['in cluster', 'given'] as const)('must be its own host or kubernetes.default.svc (%s)', async (how) => {
    expect(await verdict(how, urls.address)).toBe(accepted);
    expect(await verdict(how, urls.cluster)).toBe(accepted);
    expect(await verdict(how, urls.neither)).toEqual(otherNames);
  });

  it('must be kubernetes.default.svc at an endpoint: a kubelet has a certificate for the address of its node', async () => {
    expect(await verdict('learnt', urls.cluster)).toBe(accepted);
    expect(await verdict('learnt', urls.address)).toEqual(otherNames);
  });

  it('must be signed by the authority of this cluster, at an endpoint even if a kubeconfig checks nothing', async () => {
    const signature = expect.stringMatching(/self-signed|unable to verify|signature|issuer/i) as string;
    for (const how of ['of a kubeconfig', 'in cluster', 'given', 'learnt'] as const)
      expect([how, await verdict(how, urls.alien)]).toEqual([how, signature]);
    expect(await verdict('of a kubeconfig', urls.alien, true)).toBe(accepted);
    expect(await verdict('learnt', urls.alien, true)).toEqual(signature);
  });
});

it('a certificate that was replaced is shown from the next request on, over a connection of its own', async () => {
  const clients: Record<string, string> = {};
  for (const name of ['old', 'new']) {
    openssl('req', '-x509', ...curve, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=${name}`);
  }
  const pem = { key: readFileSync(file('address.key')), cert: readFileSync(file('address.crt')) };
  const server = createServer({ ...pem, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const { socket, url = '' } = request;
    clients[url] = socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject.CN) : 'no TLS';
    response.end('{}');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let name = 'old';
  const read = (kind: string): string => readFileSync(file(`${name}.${kind}`), 'utf8');
  const tls = () => Promise.resolve({ ca, certificate: read('crt'), key: read('key') });
  const client = new ApiClient({ server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, tls });
  await client.get('/1');
  await client.get('/2');
  name = 'new';
  await client.get('/3');
  await client.close();
  expect(clients).toEqual({ '/1': 'old', '/2': 'old', '/3': 'new' });
});
