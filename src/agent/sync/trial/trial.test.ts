import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../runtime/testing/index.ts';
import { servicePort } from '../../../dataplane/testing/index.ts';
import type { Place, Target } from './targets.ts';
import { targetsOf } from './targets.ts';
import { Trial } from './trial.ts';

const endpoint = { address: '10.244.0.1', port: 8080 };
const api: Target = { name: 'the API server', address: '192.0.2.1', port: 6443, endpoints: [], alternatives: [] };
const web: Target = { name: 'web', address: '10.96.0.1', port: 80, endpoints: [endpoint], alternatives: [] };
const db: Target = {
  ...{ name: 'db', address: '10.96.0.2', port: 5432, alternatives: [] },
  endpoints: [{ address: '10.244.0.2', port: 5432 }],
};

/** A node that can connect to the addresses in `accepting`. */
function rig(...accepting: string[]) {
  const clock = new ManualClock();
  const open = new Set(accepting);
  const refusals = new Map<string, number>();
  const connect = ({ address }: Place) => {
    const left = refusals.get(address) ?? 0;
    refusals.set(address, left - 1);
    return Promise.resolve(open.has(address) && left <= 0);
  };
  /** It is open, but for so many attempts. */
  const refuse = (address: string, times: number) => {
    open.add(address);
    refusals.set(address, times);
  };
  let targets: readonly Target[] = [api, web, db];
  const trial = new Trial({ targets: () => targets, connect, clock });
  return { trial, open, refuse, clock, setTargets: (now: readonly Target[]) => (targets = now) };
}

/** What the trial finds broken, by name, while time goes by. */
async function broken({ trial, clock }: ReturnType<typeof rig>, working: readonly Target[]): Promise<string[]> {
  const verdict = trial.broken(working);
  await clock.advance(5000);
  return (await verdict).map(({ name }) => name);
}
const everything = ['192.0.2.1', '10.96.0.1', '10.96.0.2', '10.244.0.1', '10.244.0.2'];

describe('a trial of settings', () => {
  it('finds nothing broken where all that worked works on', async () => {
    const node = rig(...everything);
    const working = await node.trial.before();
    expect(working.map(({ name }) => name)).toEqual(['the API server', 'web', 'db']);
    expect(await broken(node, working)).toEqual([]);
  });

  it('finds the Service broken that this node cannot reach any more though its endpoints live', async () => {
    const node = rig(...everything);
    const working = await node.trial.before();
    node.open.delete('10.96.0.1');
    expect(await broken(node, working)).toEqual(['web']);
  });

  it('finds the API server broken', async () => {
    const node = rig(...everything);
    const working = await node.trial.before();
    node.open.delete('192.0.2.1');
    expect(await broken(node, working)).toEqual(['the API server']);
  });

  it('finds nothing broken when an API server goes away and another one can be reached', async () => {
    const node = rig(...everything);
    node.setTargets([{ ...api, alternatives: [{ address: '192.0.2.2', port: 6443 }] }, web]);
    const working = await node.trial.before();
    node.open.delete('192.0.2.1');
    node.open.add('192.0.2.2');
    expect(await broken(node, working)).toEqual([]);
  });

  it('blames nothing on settings that did not work before them', async () => {
    const node = rig('10.96.0.1', '10.244.0.1');
    const working = await node.trial.before();
    expect(await broken(node, working)).toEqual([]);
  });

  it('blames nothing on settings for a Service whose endpoints have died or gone meanwhile', async () => {
    const node = rig(...everything);
    const working = await node.trial.before();
    for (const gone of ['10.96.0.1', '10.244.0.1', '10.96.0.2']) node.open.delete(gone);
    node.setTargets([api, web]);
    expect(await broken(node, working)).toEqual([]);
  });

  it('blames nothing on settings where some endpoints are dead, and one of many attempts comes to a living one', async () => {
    const node = rig(...everything);
    node.setTargets([{ ...web, endpoints: [endpoint, { address: '10.244.0.9', port: 8080 }] }]);
    const working = await node.trial.before();
    node.open.delete('10.96.0.1');
    expect(await broken(node, working)).toEqual(['web']);
    // The first three attempts come to the dead one.
    node.refuse('10.96.0.1', 3);
    expect(await broken(node, working)).toEqual([]);
    node.setTargets([web]);
    node.refuse('10.96.0.1', 3);
    expect(await broken(node, working), 'with living ones alone three attempts are enough').toEqual(['web']);
  });

  it('finds out whether what was broken works without the settings', async () => {
    const node = rig(...everything);
    const restored = async (...targets: Target[]) => {
      const found = node.trial.restored(targets);
      await node.clock.advance(5000);
      return (await found).map(({ name }) => name);
    };
    expect(await restored(api, web)).toEqual(['the API server', 'web']);
    node.open.delete('192.0.2.1');
    expect(await restored(api, web)).toEqual(['web']);
    expect(await restored(api)).toEqual([]);
  });

  it('waits for an API server that is away, whoever is to blame, until it is back', async () => {
    const node = rig(...everything);
    node.open.delete('192.0.2.1');
    let waits = true;
    const waited = node.trial.untilTheyCanTell([api], () => waits).then(() => (waits = false));
    await node.clock.advance(600_000);
    expect(waits).toBe(true);
    node.open.add('192.0.2.1');
    await node.clock.advance(5000);
    await waited;
    expect(waits).toBe(false);
  });

  it('waits neither for a Service that has no endpoint any more, nor when nobody asks', async () => {
    const node = rig();
    node.setTargets([api]);
    const waits = [node.trial.untilTheyCanTell([web], () => true), node.trial.untilTheyCanTell([api], () => false)];
    await node.clock.advance(5000);
    await Promise.all(waits);
  });

  it('lets one connection fail', async () => {
    const node = rig(...everything);
    const working = await node.trial.before();
    node.open.delete('10.96.0.1');
    const verdict = node.trial.broken(working);
    await node.clock.advance(200);
    node.open.add('10.96.0.1');
    await node.clock.advance(5000);
    expect(await verdict).toEqual([]);
  });
});

it('connections are tried to the API server, and to few Services: that of the API server first', () => {
  const ports = Array.from({ length: 20 }, (_, number) => servicePort(number + 1).port);
  const kubernetes = { ...servicePort(99).port, namespace: 'default', name: 'kubernetes' };
  const silent = { ...servicePort(98).port, clusterEndpoints: [] };
  const server = 'https://[2001:db8::1]:6443';
  const node = { addresses: [], nodePortAddresses: ['0.0.0.0/0'] };
  const servers = { current: server, all: [server, 'https://api.example'] };
  const targets = targetsOf(servers, [silent, ...ports, kubernetes], node);
  expect(targets).toHaveLength(6);
  expect(targets[0]).toMatchObject({ address: '2001:db8::1', port: 6443, endpoints: [] });
  expect(targets[0]?.alternatives).toEqual([{ address: 'api.example', port: 443 }]);
  expect(targets[1]?.name).toContain('Service default/kubernetes (');
});

describe('a NodePort', () => {
  const addresses = ['127.0.0.1', '192.0.2.1', '2001:db8::1', '198.51.100.1'];
  const frontends = [{ kind: 'NodePort', port: 30080, policy: 'Cluster' }] as const;
  const { port } = servicePort(1, ['10.244.0.1'], { frontends });
  const of = (nodePortAddresses: readonly string[]) => {
    const servers = { current: 'https://192.0.2.9:6443', all: [] };
    return targetsOf(servers, [port], { addresses, nodePortAddresses }).slice(1);
  };

  it('is tried at any address of the node but loopback ones', () => {
    expect(of(['203.0.113.0/24'])).toMatchObject([
      {
        name: 'NodePort 30080 of Service default/service-1 at any address of this node',
        ...{ address: '192.0.2.1', port: 30080, alternatives: [{ address: '198.51.100.1', port: 30080 }] },
      },
    ]);
  });

  it('is not missed where somebody wants it on loopback addresses alone', () => {
    expect(of(['127.0.0.0/8', '::1/128'])).toEqual([]);
  });
});
