import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Transaction } from '../../src/nftables/index.ts';
import type { SetDefinition } from '../../src/nftables/index.ts';
import type { Churn } from './churn-main.ts';
import { afterThisTest, host } from './host.ts';

const set: SetDefinition = { name: 'clients', key: ['inet_service', 'slot'], counter: true };
const stable = Array.from({ length: 4000 }, (_, index) => `${index + 1} . 0`);
const passing = Array.from({ length: 200 }, (_, index) => `${index + 1} . 7`);

describe('4,000 elements that stay, of a set in which others come and go all the time', () => {
  it.each([
    ['with rests of up to 20 ms', 20],
    ['with rests of up to 2 ms', 2],
    ['without any rest', 0],
  ])('are all there whenever the set is read (%s)', async (_title, restMilliseconds) => {
    const { namespace, socket } = await host('reading');
    const elements = stable.map((key) => ({ set: set.name, key }));
    await socket.commit(new Transaction('t').addTable().addSet(set).addElements(set, elements));
    const workerData: Churn = { namespacePath: namespace.path, set, keys: passing, restMilliseconds };
    const writer = new Worker(new URL('churn-main.ts', import.meta.url), { workerData, execArgv: [] });
    afterThisTest(() => writer.terminate());
    const { id } = await socket.generation();
    while ((await socket.generation()).id < id + 20) await new Promise((resolve) => setImmediate(resolve));
    for (let reading = 1; reading <= 10; reading++) {
      const found = new Set((await socket.elements('t', set)).map(({ key }) => key));
      expect(
        stable.filter((key) => !found.has(key)),
        `reading ${reading}`,
      ).toEqual([]);
    }
  });
});
