import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { masterSocket } from '../../src/haproxy/testing/index.ts';
import { eventually } from '../support/index.ts';
import { UserspaceRig } from './userspace-rig.ts';

const both = ['local', 'remote'] as const;
const roundRobin = { 'nftproxy.io/algorithm': 'round-robin' };
const slowly = (time: string) => ({ ...roundRobin, 'nftproxy.io/slow-start': time });

let rig: UserspaceRig;
beforeEach(async () => {
  rig = await UserspaceRig.create();
  rig.node.configure({ mode: 'userspace' });
  await rig.serve(both, roundRobin);
  await rig.haproxy.start();
  await eventually('HAProxy to be seen', () => rig.node.look());
}, 180_000);
afterEach(() => rig[Symbol.asyncDispose]());

const worker = async (): Promise<number> => (await rig.haproxy.runtime.info()).pid;

describe('a slow-start whose reload failed', () => {
  const failToReload = async (): Promise<void> => {
    const socket = join(rig.haproxy.directory, masterSocket);
    await rename(socket, `${socket}.away`);
    await expect(rig.serve(both, slowly('30s'))).rejects.toThrow(/reload/);
    await rename(`${socket}.away`, socket);
  };

  it('is brought to HAProxy by the sync that tries again', async () => {
    const before = await worker();
    await failToReload();
    await rig.node.run();
    expect(await worker()).not.toBe(before);
  });

  it('is brought to HAProxy by an agent that starts anew', async () => {
    const before = await worker();
    await failToReload();
    rig.node.restart(rig.objects);
    await rig.node.run();
    expect(await worker()).not.toBe(before);
  });
});

describe('a worker that was replaced and does not answer', () => {
  it('keeps neither a scrape nor a change of endpoints waiting', async () => {
    const former = await worker();
    await rig.requestsWhile(
      'grpc',
      async () => {
        await rig.serve(both, { 'nftproxy.io/hash-header': 'x-under-way' });
        expect(await worker()).not.toBe(former);
        process.kill(former, 'SIGSTOP');
        try {
          const order: string[] = [];
          const looked = rig.node.look().then(() => order.push('looked at it'));
          await rig.requestsAnswered();
          order.push('scraped');
          await rig.serve(['local'], { 'nftproxy.io/hash-header': 'x-under-way' });
          order.push('changed');
          await looked;
          expect(order).toEqual(['scraped', 'changed', 'looked at it']);
        } finally {
          process.kill(former, 'SIGCONT');
        }
      },
      { path: '/slow/4000' },
    );
  });
});

describe('a worker that was replaced and does not answer for a while', () => {
  it('has its last answers counted nevertheless', async () => {
    const counted = async (): Promise<number> => {
      const latency = (await rig.requestsAnswered()).find(({ port }) => port === 'grpc')?.latency;
      return latency?.counts.reduce((sum, each) => sum + each, 0) ?? 0;
    };
    const former = await worker();
    const made = await rig.requestsWhile(
      'grpc',
      async () => {
        await rig.serve(both, { 'nftproxy.io/hash-header': 'x-under-way' });
        process.kill(former, 'SIGSTOP');
        await rig.requestsAnswered();
        process.kill(former, 'SIGCONT');
      },
      { path: '/slow/4000' },
    );
    expect(made.failures).toEqual([]);
    await eventually('the former worker to end', async () => {
      await rig.node.look();
      return !rig.haproxy.isRunning(former);
    });
    expect(await counted()).toBe(made.milliseconds.length);
  });
});
