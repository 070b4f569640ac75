import { beforeEach, describe, expect, it } from 'vitest';
import type { ConntrackOccupancy } from '../../conntrack/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { TableWatch } from './table-watch.ts';

let clock: ManualClock;
let watch: TableWatch;
let table: ConntrackOccupancy | Error;
let logs: string[];
let told: string[];

beforeEach(async () => {
  clock = new ManualClock();
  table = { entries: 90, limit: 100, dropped: 7, evicted: 0 };
  [logs, told] = [[], []];
  watch = new TableWatch({
    occupancy: () => (table instanceof Error ? Promise.reject(table) : Promise.resolve(table)),
    full: (message) => told.push(message),
    clock,
    log: createLogger({ format: 'text', level: 'info', write: (line) => logs.push(line) }),
  });
  watch.start();
  await clock.advance(0);
});

/** Ten seconds later so many more packets have been dropped. */
async function dropping(more: number): Promise<void> {
  if (table instanceof Error) throw table;
  table = { ...table, entries: 100, dropped: table.dropped + more };
  await clock.advance(10_000);
}

describe('a table of connections', () => {
  it('is known from the start, and what was dropped before that is nobody’s news', async () => {
    expect(watch.current).toEqual({ entries: 90, limit: 100, dropped: 7, evicted: 0 });
    await clock.advance(600_000);
    expect([logs, told]).toEqual([[], []]);
  });

  it('that is full is told once, said every minute while packets are dropped, and over after a minute without', async () => {
    for (let round = 0; round < 9; round++) await dropping(5);
    expect(told).toEqual([expect.stringContaining('nf_conntrack_max is 100): new connections fail on this node')]);
    expect(logs).toHaveLength(2);
    expect(logs[0]).toContain('dropped=5');
    expect(logs[1]).toContain('dropped=35');
    for (let round = 0; round < 6; round++) await dropping(0);
    expect(logs[2]).toContain('has room again entries=100 limit=100 dropped=45');
    await dropping(1);
    expect(told).toHaveLength(2);
  });

  it('that cannot be read is not known, and said once', async () => {
    table = new Error('EPERM');
    await clock.advance(60_000);
    expect(watch.current).toBeUndefined();
    expect(logs).toEqual([expect.stringContaining('cannot read how full the table of connections is')]);
    table = { entries: 1, limit: 100, dropped: 50, evicted: 0 };
    await clock.advance(10_000);
    expect(watch.current?.entries).toBe(1);
    expect(told).toEqual([]);
  });

  it('is not looked at any more after the end', async () => {
    await watch.stop();
    await dropping(5);
    expect(told).toEqual([]);
  });
});
