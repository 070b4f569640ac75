import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/index.ts';
import { addresses } from '../support/node/index.ts';
import { UserspaceRig } from './userspace-rig.ts';

const both = ['local', 'remote'] as const;
const roundRobin = { 'nftproxy.io/algorithm': 'round-robin' };

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

async function counted(): Promise<number> {
  const { latency } = (await rig.requestsAnswered()).find(({ port }) => port === 'http') ?? {};
  return latency?.counts.reduce((sum, each) => sum + each, 0) ?? 0;
}

/** Has HAProxy run what a version wrote that knew of no histogram. */
async function runEarlierConfiguration(): Promise<void> {
  const file = join(rig.haproxy.directory, 'haproxy.cfg');
  const lines = (await readFile(file, 'utf8')).split('\n');
  const later = /^peers |^ {2}(?:disabled|table |description )|latenc|^ {2}http-re\S+ .*(?:txn\.|sc-inc|track-sc)/;
  const earlier = lines.filter((line) => !later.test(line));
  expect(lines.length - earlier.length).toBeGreaterThan(10);
  await writeFile(file, earlier.join('\n'));
  await rig.haproxy.runtime.reload();
}

describe('an agent that finds a HAProxy with the configuration of an earlier version', () => {
  it('has it read its own, without losing a connection or failing a request, so that what is new is there', async () => {
    await runEarlierConfiguration();
    const before = await worker();
    const client = await rig.client.resident();
    const { id, server } = await client.open(addresses[4].clusterIP, 8080);
    const during = await rig.requestsWhile('http', async () => {
      await sleep(300);
      expect(await counted()).toBe(0);
      rig.node.restart(rig.objects);
      await rig.node.run();
      await sleep(300);
    });
    expect(during.failures).toEqual([]);
    expect(await worker()).not.toBe(before);
    expect(rig.node.logs.filter((line) => line.includes('configuration of another version'))).toHaveLength(1);
    const begun = await counted();
    const { failures, milliseconds } = await rig.requestsWhile('http', () => sleep(300));
    expect(failures).toEqual([]);
    expect((await counted()) - begun).toBe(milliseconds.length);
    expect(await client.talk(id)).toBe(server);
  });

  it('does so once: a HAProxy that has it is left alone', async () => {
    const before = await worker();
    rig.node.restart(rig.objects);
    await rig.node.run();
    await rig.serve(['local'], roundRobin);
    expect(await worker()).toBe(before);
  });
});
