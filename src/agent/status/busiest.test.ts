import { beforeEach, describe, expect, test } from 'vitest';
import type { ConnectionCount } from '../../dataplane/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { Busiest } from './busiest.ts';

let clock: ManualClock;
let kernel: Map<string, number>;
let broken: boolean;
let told: number;
let log: string;
let busiest: Busiest;

/** One counter of the kernel; ports may have several. */
const counter = (
  service: string,
  connections: number,
  frontend: ConnectionCount['frontend'] = 'ClusterIP',
): ConnectionCount => ({
  ...{ namespace: 'shop', service, port: service === 'plain' ? '' : 'http', protocol: 'tcp', family: 4, frontend },
  connections,
});

beforeEach(() => {
  [clock, kernel] = [new ManualClock(), new Map<string, number>()];
  [broken, told, log] = [false, 0, ''];
  busiest = new Busiest({
    counts: () =>
      broken
        ? Promise.reject(new Error('no memory'))
        : Promise.resolve([...kernel].map(([service, connections]) => counter(service, connections))),
    changed: () => (told += 1),
    clock,
    log: createLogger({ format: 'text', level: 'warn', write: (line) => (log += line) }),
  });
});

const minutes = (count: number) => clock.advance(count * 60_000);
const shown = () => busiest.current?.servicePorts.map(({ name, connections }) => `${name} ${connections}`);

describe('the busiest Service ports of a node', () => {
  test('are those with the most new connections since the last look, not what an earlier agent has counted', async () => {
    kernel = new Map([
      ['cart', 1_000_000],
      ['plain', 5],
    ]);
    busiest.start();
    await minutes(0);
    kernel = new Map([
      ['cart', 1_000_010],
      ['plain', 45],
      ['idle', 0],
    ]);
    await minutes(2);
    expect(shown()).toEqual(['shop/plain 40', 'shop/cart:http 10']);
    const { since = '', until = '' } = busiest.current ?? {};
    expect(Date.parse(until)).toBeGreaterThan(Date.parse(since));
  });

  test.each([-3_600_000, 3_600_000])(
    'are of the time that has passed, though the clock was set by %i ms',
    async (by) => {
      kernel.set('cart', 5);
      busiest.start();
      await minutes(0);
      clock.set(by);
      kernel.set('cart', 65);
      await minutes(2);
      const { since = '', until = '' } = busiest.current ?? {};
      const seconds = (Date.parse(until) - Date.parse(since)) / 1000;
      expect([seconds > 40, seconds <= 60]).toEqual([true, true]);
    },
  );

  test('are ten at most, told a few times an hour', async () => {
    busiest.start();
    await minutes(0);
    for (let minute = 0; minute < 120; minute += 1) {
      for (let i = 0; i < 500; i += 1) kernel.set(`s${i}`, (kernel.get(`s${i}`) ?? 0) + i);
      await minutes(1);
    }
    expect(busiest.current?.servicePorts).toHaveLength(10);
    expect(shown()?.[0]).toMatch(/^shop\/s499:http /);
    expect(told).toBeLessThan(13);
    expect(told).toBeGreaterThan(7);
    expect(JSON.stringify(busiest.current).length).toBeLessThan(700);
  });

  test('on a node without connections cost nothing: nothing is told', async () => {
    kernel = new Map([['cart', 7]]);
    busiest.start();
    await minutes(120);
    expect([busiest.current, told]).toEqual([undefined, 0]);
  });

  test('are taken back once when connections end', async () => {
    busiest.start();
    await minutes(0);
    kernel = new Map([['cart', 7]]);
    await minutes(120);
    expect([busiest.current, told]).toEqual([undefined, 2]);
  });

  test('count a Service port that was made again from nothing', async () => {
    kernel = new Map([['cart', 100]]);
    busiest.start();
    await minutes(0);
    kernel = new Map([['cart', 30]]);
    await minutes(2);
    expect(shown()).toEqual(['shop/cart:http 30']);
  });

  test('wait for the next time when the kernel cannot be read, and the log says so', async () => {
    busiest.start();
    await minutes(0);
    broken = true;
    await minutes(2);
    expect(log).toContain('no memory');
    broken = false;
    kernel = new Map([['cart', 30]]);
    await minutes(16);
    expect(shown()).toEqual(['shop/cart:http 30']);
  });

  test('are not counted any more after the end', async () => {
    busiest.start();
    await busiest.stop();
    kernel = new Map([['cart', 30]]);
    await minutes(120);
    expect([busiest.current, clock.waiting]).toEqual([undefined, 0]);
  });
});
