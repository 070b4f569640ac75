import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { certificatesFor } from '../../test/apiserver/index.ts';
import { HttpListener } from './http-listener.ts';
import { ManualClock } from './testing/index.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const patience = { timeout: 30_000, interval: 5 };

let folder: string;
let clock: ManualClock;
let listener: HttpListener;
let failures: string[];
const file = (name: string): string => join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nftproxy-served-'));
  clock = new ManualClock();
  failures = [];
  listener = new HttpListener({
    purpose: 'metrics',
    bind: { host: '127.0.0.1', port: 0 },
    certificate: { certFile: file('tls.crt'), keyFile: file('tls.key') },
    handler: (_request, response) => void response.end('ok'),
    onBindFailure: (error) => void failures.push(error.message),
    clock,
  });
});

afterEach(async () => {
  await listener.close();
  await rm(folder, { recursive: true });
});

/** Puts a certificate for this name where the server looks; returns its authority. */
async function issue(name: string): Promise<string> {
  const { ca, serverCertificate, serverKey } = await certificatesFor([`DNS:${name}`]);
  await writeFile(file('tls.crt'), serverCertificate);
  await writeFile(file('tls.key'), serverKey);
  return ca;
}

/** The names of the certificate that a client is shown who trusts this authority alone. */
function shown(ca: string, servername: string): Promise<string | undefined> {
  const { port } = listener.address!;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername }, () => {
      resolve(socket.getPeerCertificate().subjectaltname);
      socket.end();
    }).on('error', reject);
  });
}

test('a certificate that is renewed is shown to the next client, without a restart', async () => {
  const before = await issue('before');
  await listener.start();
  expect(await shown(before, 'before')).toBe('DNS:before');
  const after = await issue('after');
  await vi.waitFor(async () => {
    await clock.advance(10_000);
    expect(await shown(after, 'after')).toBe('DNS:after');
  }, patience);
  await expect(shown(before, 'before')).rejects.toThrow();
  expect(failures).toEqual([]);
});

test('one that does not fit its key is told once and not used; the one before stays', async () => {
  const before = await issue('before');
  await listener.start();
  const { serverKey } = await certificatesFor(['DNS:after']);
  await writeFile(file('tls.key'), serverKey);
  await vi.waitFor(async () => {
    await clock.advance(10_000);
    expect(failures).toHaveLength(1);
  }, patience);
  for (let again = 0; again < 3; again += 1) await clock.advance(10_000);
  expect(failures).toEqual([
    expect.stringMatching(/tls\.crt with the key in .*tls\.key.*; the one before stays in use$/),
  ]);
  expect(await shown(before, 'before')).toBe('DNS:before');
});

test('while there is none nothing is served, in the clear least of all; it begins when there is one', async () => {
  expect(await listener.start()).toBe(false);
  expect(listener.address).toBeUndefined();
  expect(listener.failure).toMatch(/^cannot serve metrics on 127\.0\.0\.1:0: the certificate in .*ENOENT/);
  const ca = await issue('late');
  await vi.waitFor(async () => {
    await clock.advance(5000);
    expect(listener.failure).toBeUndefined();
  }, patience);
  expect(await shown(ca, 'late')).toBe('DNS:late');
  await expect(fetch(`http://127.0.0.1:${listener.address!.port}/`)).rejects.toThrow();
});

test('nothing is read any more once it is closed', async () => {
  await issue('any');
  await listener.start();
  await listener.close();
  expect(clock.waiting).toBe(0);
});
