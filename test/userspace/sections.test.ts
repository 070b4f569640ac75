import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, serviceObject, sliceObject } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import { UserspaceRig } from './userspace-rig.ts';

const both = ['local', 'remote'] as const;
const roundRobin = { 'nftproxy.io/algorithm': 'round-robin' };
const others = 100;

let rig: UserspaceRig;

beforeAll(async () => {
  rig = await UserspaceRig.create();
  rig.node.configure({ mode: 'userspace' });
  await rig.serve(both, roundRobin);
  await rig.haproxy.start();
  await eventually('HAProxy to be seen', () => rig.node.look());
}, 180_000);
afterAll(() => rig[Symbol.asyncDispose]());

const worker = async (): Promise<number> => (await rig.haproxy.runtime.info()).pid;
const sections = async (): Promise<number> => (await rig.haproxy.runtime.sections()).size;

/** Many Services that pass on TCP, and are gone again. */
async function comeAndGo(): Promise<void> {
  const names = Array.from({ length: others }, (_, at) => ({ name: `other-${at}`, clusterIP: `10.96.1.${at}` }));
  const members = [{ addresses: [addresses[4].localPod], conditions: { ready: true } }];
  const ports = [{ name: '', port: 8080, protocol: 'TCP' }];
  for (const { name, clusterIP } of names) {
    rig.node.service(name, serviceObject(name, { clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80 }] }));
    rig.node.slice(name, sliceObject(name, name, members, { ports }));
  }
  await rig.node.run();
  expect(rig.node.dataPlane.servedBy().userspace).toBe(others + 4);
  for (const { name } of names) {
    rig.node.service(name, undefined);
    rig.node.slice(name, undefined);
  }
  await rig.node.run();
}

describe('listeners of Services that have gone', () => {
  it('are given back with the next reload that is due, not by one for that alone; no request fails', async () => {
    const client = await rig.client.resident();
    const { id, server } = await client.open(addresses[4].clusterIP, 8080);
    const { failures } = await rig.requestsWhile('http', async () => {
      await comeAndGo();
      const before = await worker();
      const many = await sections();
      expect(many).toBeGreaterThan(others);
      await rig.serve(['local'], roundRobin);
      expect([await worker(), await sections()]).toEqual([before, many]);
      await sleep(300);
      // A kind of Service that was not there yet.
      await rig.serve(both, { 'nftproxy.io/algorithm': 'least-connections' });
      expect(await worker()).not.toBe(before);
      // A few of each kind, for the next ones: TCP, HTTP/1.1 and HTTP/2, before and after.
      expect(await sections()).toBeLessThanOrEqual(6 * 8);
      await sleep(300);
    });
    expect(failures).toEqual([]);
    expect(await client.talk(id)).toBe(server);
  });

  it('and of kinds of which no Service is any more go whole', async () => {
    for (const name of ['x-a', 'x-b', 'x-c', 'x-d']) await rig.serve(both, { 'nftproxy.io/hash-header': name });
    const names = [...(await rig.haproxy.runtime.sections()).keys()];
    expect(names.filter((name) => /x-[ab]/.test(name))).toEqual([]);
    expect(names.filter((name) => name.includes('x-d'))).not.toEqual([]);
  });
});
