import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { link, Namespace } from './index.ts';

const namespaces: Namespace[] = [];

async function create(label: string, options: { forwarding?: boolean } = {}): Promise<Namespace> {
  const namespace = await Namespace.create(label, options);
  namespaces.push(namespace);
  return namespace;
}

afterEach(async () => {
  await Promise.all(namespaces.splice(0).map((namespace) => namespace.destroy()));
});

describe('namespaces for kernel tests', () => {
  it('carries TCP and UDP over IPv4 and IPv6 through a router', { timeout: 60_000 }, async () => {
    const [client, router, server] = await Promise.all([
      create('client'),
      create('router', { forwarding: true }),
      create('server'),
    ]);
    await link(client, router, {
      a: {
        addresses: ['10.0.0.2/24', 'fd00::2/64'],
        routes: [
          { to: 'default', via: '10.0.0.1' },
          { to: 'default', via: 'fd00::1' },
        ],
      },
      b: { addresses: ['10.0.0.1/24', 'fd00::1/64'] },
    });
    await link(server, router, {
      a: {
        addresses: ['10.0.1.2/24', 'fd01::2/64'],
        routes: [
          { to: 'default', via: '10.0.1.1' },
          { to: 'default', via: 'fd01::1' },
        ],
      },
      b: { addresses: ['10.0.1.1/24', 'fd01::1/64'] },
    });
    await server.serve([
      { protocol: 'tcp', address: '0.0.0.0', port: 80 },
      { protocol: 'tcp', address: '::', port: 80 },
      { protocol: 'udp', address: '10.0.1.2', port: 53 },
      { protocol: 'udp', address: 'fd01::2', port: 53 },
    ]);
    for (const [address, from, shown] of [
      ['10.0.1.2', '10.0.0.2', '10.0.1.2'],
      ['fd01::2', '[fd00::2]', '[fd01::2]'],
    ] as const) {
      const tcp = await client.request({ protocol: 'tcp', address, port: 80, count: 20 });
      expect(tcp).toHaveLength(20);
      for (const answer of tcp) {
        expect(answer.server).toBe(`${shown}:80`);
        expect(answer.client).toContain(`${from}:`);
      }
      const udp = await client.request({ protocol: 'udp', address, port: 53, count: 3 });
      expect(udp.map((answer) => answer.server)).toEqual(Array(3).fill(`${shown}:53`));
      const refused = await client.request({ protocol: 'tcp', address, port: 81 });
      expect(refused).toEqual([{ error: 'ECONNREFUSED' }]);
      const refusedUdp = await client.request({ protocol: 'udp', address, port: 81 });
      expect(refusedUdp).toEqual([{ error: 'ECONNREFUSED' }]);
    }
  });

  it('says what a failing command said', async () => {
    const namespace = await create('failing');
    await expect(namespace.run('ip', ['link', 'show', 'nonesuch'])).rejects.toThrow('does not exist');
  });

  it('leaves nothing behind', async () => {
    const namespace = await create('gone');
    const child = namespace.start(['sleep', '600']);
    await namespace.destroy();
    expect(await child.ended).toEqual({ exitCode: null, signal: 'SIGKILL' });
    expect(readdirSync('/run/netns')).not.toContain(namespace.name);
  });
});
