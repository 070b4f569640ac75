import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, hostOf, link, listRuleset, Namespace, whyNoFlowtables } from '../support/index.ts';
import type { Resident } from '../support/index.ts';
import {
  addresses,
  Cleaning,
  hasTable,
  loadBalancer,
  modeUnderTest,
  service,
  ServiceRig,
  slice,
} from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

const noFlowtables = whyNoFlowtables();
const [major = 0, minor = 0] = release().split('.').map(Number);
// The product asks the kernel; its version is another witness.
const forgetful = major * 1000 + minor < 5014 ? 'kernels before 5.14 forget idle connections' : undefined;
const noFastPath = noFlowtables ?? forgetful;
const missing = modeUnderTest === 'nftables' ? noFastPath : 'for mode nftables';
const families = [4, 6] as const;

/** Counts packets in the hook forward by where their client wanted to go, as a network policy would look at them. */
const witness = `table inet witness {
  counter seen4 { packets 0 bytes 0; }
  counter seen6 { packets 0 bytes 0; }
  chain forward { type filter hook forward priority filter;
    ct original ip daddr ${addresses[4].clusterIP} counter name seen4;
    ct original ip6 daddr ${addresses[6].clusterIP} counter name seen6; }
}`;

describe.skipIf(missing !== undefined)(`the fast path for established connections (${missing ?? 'flowtables'})`, () => {
  let rig: ServiceRig;

  beforeAll(async () => {
    rig = await ServiceRig.create();
    await rig.space.nft(witness);
  }, 60_000);

  beforeEach(async () => {
    rig.configure({ nftables: { fastPath: 'Enabled' } });
    rig.service('web', loadBalancer());
    for (const family of families) rig.slice(`web-${family}`, slice('web', family, ['remotePod']));
    await rig.run();
    await rig.look();
    await rig.forgetConnections();
  });

  afterAll(() => rig[Symbol.asyncDispose]());

  const client = (where: Where = 'clientPod'): Promise<Resident> => rig.namespaceOf(where).resident();

  /** Connections in the kernel's own words, those of the fast path with [OFFLOAD]. */
  const connections = async (...filter: string[]): Promise<string[]> => {
    const listing = await rig.space.run('conntrack', ['-L', ...filter]);
    return listing.split('\n').filter((line) => line !== '');
  };

  const onFastPath = async (...filter: string[]): Promise<boolean> => {
    const all = await connections(...filter);
    return all.length > 0 && all.every((line) => line.includes('[OFFLOAD]'));
  };

  /** Packets that a foreign chain in the hook forward has seen. */
  const seen = async (family: 4 | 6): Promise<number> => {
    const listing = await rig.nft('list', 'counter', 'inet', 'witness', `seen${family}`);
    return Number(/packets (\d+)/.exec(listing)?.[1]);
  };

  for (const family of families) {
    const { clusterIP, remotePod, loadBalancerIP, externalIP, node } = addresses[family];
    const list = ['-f', family === 4 ? 'ipv4' : 'ipv6', '-p', 'tcp'];

    it(`an open connection goes on past all chains, after they have let its first packets through (IPv${family})`, async () => {
      const pod = await client();
      const { id, server } = await pod.open(clusterIP);
      expect(server).toContain(remotePod);
      await eventually('the fast path', () => onFastPath(...list));
      const before = await seen(family);
      expect(before).toBeGreaterThan(0);
      for (let turn = 0; turn < 20; turn++) expect(await pod.talk(id)).toContain(remotePod);
      expect(await seen(family)).toBe(before);
      await pod.hangUp(id);
    });

    it(`so do connections from outside, through every address of a Service and its NodePort (IPv${family})`, async () => {
      const outside = await client('outside');
      for (const [address, port] of [
        [loadBalancerIP, 80],
        [externalIP, 80],
        [node, 30080],
      ] as const) {
        await rig.forgetConnections();
        const { id } = await outside.open(address, port);
        await eventually(`the fast path for ${address}`, () => onFastPath(...list));
        expect(await outside.talk(id)).toContain(remotePod);
        await outside.hangUp(id);
      }
    });
  }

  const { clusterIP, remotePod, localPod, loadBalancerIP } = addresses[4];

  it('what is not of a Service stays where it is, translated or not', async () => {
    await rig.space.nft(`table ip theirs {
      chain prerouting { type nat hook prerouting priority -110; ip daddr 192.0.2.99 tcp dport 81 dnat to ${remotePod}:8080; }
    }`);
    const pod = await client();
    const others = [await pod.open('192.0.2.99', 81), await pod.open(remotePod, 8080)];
    for (const { id } of others) for (let turn = 0; turn < 3; turn++) await pod.talk(id);
    expect((await connections('-p', 'tcp')).filter((line) => line.includes('[OFFLOAD]'))).toEqual([]);
    await rig.nft('delete', 'table', 'ip', 'theirs');
    for (const { id } of others) await pod.hangUp(id);
  });

  it('a client with session affinity stays with its endpoint, connection after connection', async () => {
    rig.service('web', service({ sessionAffinity: 'ClientIP' }));
    rig.slice('web-4', slice('web', 4, ['remotePod', 'localPod']));
    await rig.run();
    const pod = await client();
    const servers = new Set<string>();
    for (let turn = 0; turn < 10; turn++) {
      const { id, server } = await pod.open(clusterIP);
      servers.add(server);
      await pod.talk(id);
      await pod.hangUp(id);
    }
    expect(servers.size).toBe(1);
  });

  it('a UDP flow takes no fast path: it goes to another endpoint as soon as its own has gone, as ever', async () => {
    const cleaning = new Cleaning(rig);
    const ask = async (): Promise<string> => {
      const requests = { protocol: 'udp', address: clusterIP, port: 80, sourcePort: 5353 } as const;
      const [answer] = await rig.namespaceOf('clientPod').request({ ...requests, timeoutMilliseconds: 400 });
      return hostOf(answer?.server);
    };
    await cleaning.run();
    for (let turn = 0; turn < 5; turn++) expect(await ask()).toBe(remotePod);
    expect((await connections('-p', 'udp')).filter((line) => line.includes('[OFFLOAD]'))).toEqual([]);
    rig.slice('web-4', slice('web', 4, ['localPod']));
    await cleaning.run();
    await eventually('the other endpoint', async () => (await ask()) === localPod);
    await cleaning.stop();
  });

  it('a pod that comes later is served at once, and its connections take the fast path when its interface is known', async () => {
    for (const turn of [1, 2]) {
      await rig.forgetConnections();
      await using pod = await Namespace.create(`later-${turn}`);
      // The same name again: the pod before is gone, and its interface with it.
      await link(pod, rig.space, {
        a: { addresses: ['10.244.3.2/24'], routes: [{ to: 'default', via: '10.244.3.1' }] },
        b: { interface: 'veth-later', addresses: ['10.244.3.1/24'] },
      });
      const resident = await pod.resident();
      const early = await resident.open(clusterIP);
      expect(await resident.talk(early.id)).toContain(remotePod);
      await rig.look();
      expect(await rig.nft('list', 'flowtables')).toContain('veth-later');
      const { id } = await resident.open(clusterIP);
      await eventually('the fast path', () => onFastPath('-p', 'tcp', '-s', '10.244.3.2'));
      const before = await seen(4);
      for (let count = 0; count < 5; count++) expect(await resident.talk(id)).toContain(remotePod);
      expect(await seen(4)).toBe(before);
      expect(await resident.talk(early.id)).toContain(remotePod);
    }
  });

  it('more interfaces than fit one message are all followed', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `many${index}`);
    await rig.space.ip(...names.map((name) => `link add ${name} type dummy`));
    await rig.look();
    const listed = await rig.nft('list', 'flowtables');
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(listed))).toEqual([]);
    await rig.space.ip(...names.map((name) => `link del ${name}`));
    // Some kernels keep the names of devices that have gone.
    await rig.look();
    expect(await rig.nft('list', 'flowtables')).not.toContain('many');
  });

  it('goes on over a restart of the agent and other settings of the node, and the whole ruleset can be listed', async () => {
    const pod = await client();
    const { id } = await pod.open(clusterIP);
    await eventually('the fast path', () => onFastPath('-p', 'tcp'));
    rig.restart({
      services: { web: loadBalancer() },
      slices: { 'web-4': slice('web', 4, ['remotePod']), 'web-6': slice('web', 6, ['remotePod']) },
    });
    await rig.run();
    rig.configure({ nftables: { fastPath: 'Enabled' }, masqueradeAll: true });
    await rig.run();
    expect(await onFastPath('-p', 'tcp')).toBe(true);
    const before = await seen(4);
    expect(await pod.talk(id)).toContain(remotePod);
    expect(await seen(4)).toBe(before);
    await pod.hangUp(id);
    expect(await listRuleset(rig.space)).toContain('flow add @fast_path');
  });

  it('an idle connection stays with its endpoint for as long as conntrack says, in the fast path and after it', async () => {
    rig.space.sysctl({ 'net.netfilter.nf_conntrack_tcp_timeout_established': 24 });
    await rig.look();
    const timeout = '/proc/sys/net/netfilter/nf_flowtable_tcp_timeout';
    expect(rig.space.inside(() => readFileSync(timeout, 'utf8').trim())).toBe('12');
    const pod = await client();
    const { id } = await pod.open(clusterIP);
    await eventually('the fast path', () => onFastPath('-p', 'tcp'));
    // Who forgot the connection would choose this one.
    rig.slice('web-4', slice('web', 4, ['localPod']));
    await rig.run();
    await eventually('its end on the fast path', async () => !(await onFastPath('-p', 'tcp')), { milliseconds: 500 });
    expect(await connections('-p', 'tcp')).toHaveLength(1);
    expect(await pod.talk(id)).toContain(remotePod);
    await pod.hangUp(id);
    rig.space.sysctl({ 'net.netfilter.nf_conntrack_tcp_timeout_established': 86_400 });
  });

  it('switched on and off under traffic, no connection is lost, and nothing is left of it', async () => {
    const [pod, outside] = [await client(), await client('outside')];
    const held = await pod.open(clusterIP);
    const target = { address: clusterIP, port: 80, concurrency: 1 };
    await pod.flood(target);
    await outside.flood({ ...target, address: loadBalancerIP });
    for (const fastPath of ['Disabled', 'Enabled', 'Disabled'] as const) {
      expect(await pod.talk(held.id)).toContain(remotePod);
      rig.configure({ nftables: { fastPath } });
      await rig.run();
      expect(await pod.talk(held.id)).toContain(remotePod);
    }
    const visits = [...(await pod.endFlood()), ...(await outside.endFlood())];
    expect(visits.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(visits.length).toBeGreaterThan(0);
    expect(await pod.talk(held.id)).toContain(remotePod);
    expect(await listRuleset(rig.space)).not.toMatch(/flow|fast_path/);
    await eventually('all to be back', async () => !(await connections('-p', 'tcp')).join().includes('[OFFLOAD]'));
    await pod.hangUp(held.id);
  });

  it('cleanup takes it away with the table', async () => {
    const pod = await client();
    const { id } = await pod.open(clusterIP);
    await eventually('the fast path', () => onFastPath('-p', 'tcp'));
    expect(await rig.dataPlane.remove()).toBe('table inet nftproxy');
    expect(await listRuleset(rig.space)).not.toMatch(/nftproxy|fast_path/);
    await eventually('all to be back', async () => !(await connections('-p', 'tcp')).join().includes('[OFFLOAD]'));
    await pod.reset(id);
  });
});

describe.skipIf(noFastPath === undefined || !hasTable)('a kernel that has not what the fast path needs', () => {
  it('serves as without the fast path that is asked for, and the node says what is missing', async () => {
    await using rig = await ServiceRig.create();
    rig.configure({ nftables: { fastPath: 'Enabled' } });
    rig.service('web', service());
    rig.slice('web-4', slice('web', 4, ['remotePod']));
    await rig.run();
    const lack = noFlowtables === undefined ? 'before 5.14' : 'no flowtables';
    expect(rig.dataPlane.fastPath).toEqual({ missing: expect.stringContaining(lack) as string });
    const pod = await rig.namespaceOf('clientPod').resident();
    const { id, server } = await pod.open(addresses[4].clusterIP);
    expect(server).toContain(addresses[4].remotePod);
    expect(await rig.look()).toBe(false);
    expect(await pod.talk(id)).toContain(addresses[4].remotePod);
    expect(await listRuleset(rig.space)).not.toMatch(/flow|fast_path/);
  });
});
