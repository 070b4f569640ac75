import { describe, expect, test } from 'vitest';
import type { Frontend } from '../../services/index.ts';
import { ConntrackCleaner, type CleanUp } from './cleaner.ts';
import { FakeConntrackTable } from './testing/index.ts';
import type { Target } from './testing/index.ts';
import type { TrackedConnection, TrackedServicePort } from './what-is-stale.ts';
import { ManualClock } from '../../runtime/testing/index.ts';

const nodeIP = '192.168.0.2';

function rig() {
  const clock = new ManualClock();
  const table = new FakeConntrackTable();
  const cleaned: CleanUp[] = [];
  const failures: number[] = [];
  const addresses = new Set([nodeIP]);
  const cleaner = new ConntrackCleaner<TrackedConnection>({
    table,
    nodePortAddresses: () => addresses,
    onCleaned: (cleanUp) => void cleaned.push(cleanUp),
    onFailure: (_error, delay) => void failures.push(delay),
    clock,
  });
  return { clock, table, cleaned, failures, addresses, cleaner };
}

const a = { address: '10.244.1.1', port: 53 };
const b = { address: '10.244.1.2', port: 53 };
const vip = { address: '10.96.0.10', port: 53 };
const dns: Frontend[] = [{ kind: 'ClusterIP', ...vip, policy: 'Cluster' }];
const udp = (servingEndpoints: Target[], frontends = dns): TrackedServicePort => ({
  protocol: 'udp',
  family: 4,
  frontends,
  servingEndpoints,
});
const tcp = (servingEndpoints: Target[]): TrackedServicePort => ({ ...udp(servingEndpoints), protocol: 'tcp' });

describe('conntrack clean-up', () => {
  test('a UDP client of an endpoint that went is freed right after the sync', async () => {
    const { clock, table, cleaned, cleaner } = rig();
    cleaner.applied([['dns', udp([a, b])]]);
    await clock.advance(60_000);
    const [stale, good] = [
      table.add('udp', vip, a, { seenReply: true }),
      table.add('udp', vip, b, { seenReply: true }),
    ];
    cleaner.applied([['dns', udp([b])]]);
    await clock.advance(1);
    expect(table.all.has(stale)).toBe(false);
    expect(table.all.has(good)).toBe(true);
    expect(cleaned.at(-1)).toMatchObject({ family: 4, examined: 2, deleted: 1 });
  });

  test('after a start everything is looked at once, and flows that are fine survive', async () => {
    const { clock, table, cleaner } = rig();
    const [good, stale, unanswered] = [
      table.add('udp', vip, a, { seenReply: true }),
      table.add('udp', vip, { address: '10.244.9.9', port: 53 }, { seenReply: true }),
      table.add('udp', vip, vip),
    ];
    cleaner.frontendGone({ family: 4, protocol: 'udp' }, { address: '10.96.0.66', port: 53 });
    const deleted = table.add('udp', { address: '10.96.0.66', port: 53 }, a, { seenReply: true });
    cleaner.applied([['dns', udp([a])]]);
    await clock.advance(1);
    expect([good, stale, unanswered, deleted].map((entry) => table.all.has(entry))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  test('a deleted Service’s connections go; another node’s node port stays', async () => {
    const { clock, table, cleaner } = rig();
    const nodePort: Frontend = { kind: 'NodePort', port: 30053, policy: 'Cluster' };
    cleaner.applied([['dns', udp([a], [...dns, nodePort])]]);
    await clock.advance(60_000);
    const mine = [
      table.add('udp', vip, a, { seenReply: true }),
      table.add('udp', { address: nodeIP, port: 30053 }, a, { seenReply: true }),
    ];
    const others = table.add('udp', { address: '192.168.0.3', port: 30053 }, a, { seenReply: true });
    cleaner.applied([['dns', undefined]]);
    await clock.advance(1);
    expect(mine.some((entry) => table.all.has(entry))).toBe(false);
    expect(table.all.has(others)).toBe(true);
  });

  test('a UDP client that is shut out by narrower source ranges is cut off right after the sync', async () => {
    const { clock, table, cleaner } = rig();
    const address = '203.0.113.1';
    const admitting = (...sourceRanges: string[]): TrackedServicePort =>
      udp([a], [...dns, { kind: 'LoadBalancerIP', address, port: 53, policy: 'Cluster', sourceRanges }]);
    cleaner.applied([['dns', admitting('10.244.0.0/16', '192.0.2.0/24')]]);
    await clock.advance(60_000);
    const shutOut = table.add('udp', { address, port: 53 }, a);
    const elsewhere = table.add('udp', vip, a);
    const reads = table.reads.length;
    cleaner.applied([['dns', admitting('10.244.0.0/16', '192.0.2.0/24', '198.51.100.0/24')]]);
    await clock.advance(60_000);
    expect(table.reads).toHaveLength(reads);
    cleaner.applied([['dns', admitting('192.0.2.0/24')]]);
    await clock.advance(1);
    expect([shutOut, elsewhere].map((entry) => table.all.has(entry))).toEqual([false, true]);
  });

  test('nothing is read while nothing changed that matters', async () => {
    const { clock, table, cleaner } = rig();
    cleaner.applied([
      ['dns', udp([a])],
      ['web', tcp([a])],
    ]);
    await clock.advance(60_000);
    // Twice each: a packet may have been on its way during the first.
    expect(table.reads).toHaveLength(4);
    cleaner.applied([['dns', udp([a, b])]]); // one more endpoint
    cleaner.applied([['web', tcp([a, b])]]);
    cleaner.applied([['dns', udp([a, b])]]); // nothing
    cleaner.applied([['none', undefined]]);
    await clock.advance(60_000);
    expect(table.reads).toHaveLength(4);
    cleaner.applied([['web', tcp([b])]]);
    await clock.advance(60_000);
    expect(table.reads.slice(4)).toEqual(Array(2).fill({ family: 4, protocol: 'tcp' }));
  });

  test('many changes in a row cost one reading a second', async () => {
    const { clock, table, cleaner } = rig();
    for (let n = 0; n < 400; n++) {
      cleaner.applied([['dns', udp([n % 2 === 0 ? a : b])]]);
      await clock.advance(25);
    }
    expect(table.reads.length).toBeLessThanOrEqual(11);
    expect(table.reads.length).toBeGreaterThanOrEqual(9);
  });

  test('a reading that fails forgets nothing', async () => {
    const { clock, table, failures, cleaner } = rig();
    cleaner.applied([['dns', udp([a])]]);
    await clock.advance(60_000);
    const stale = table.add('udp', vip, a, { seenReply: true });
    table.failing = true;
    cleaner.applied([['dns', undefined]]);
    await clock.advance(5000);
    expect(failures.length).toBeGreaterThan(1);
    expect(table.all.has(stale)).toBe(true);
    table.failing = false;
    await clock.advance(60_000);
    expect(table.all.has(stale)).toBe(false);
  });

  test('an entry that cannot be deleted does not keep the others, and is tried again', async () => {
    const { clock, table, failures, cleaned, cleaner } = rig();
    table.add('udp', vip, a, { seenReply: true });
    const second = table.add('udp', vip, a, { seenReply: true });
    table.deletesFail = 1;
    cleaner.applied([['dns', udp([b])]]);
    await clock.advance(1);
    expect(table.all.has(second)).toBe(false);
    expect(failures).toEqual([1000]);
    await clock.advance(1000);
    expect(table.all.size).toBe(0);
    expect(cleaned.map((cleanUp) => cleanUp.deleted)).toEqual([1, 1]);
  });

  test('a packet that was on its way while the rules changed is found by the second look', async () => {
    const { clock, table, cleaner } = rig();
    cleaner.applied([['dns', udp([a])]]);
    await clock.advance(60_000);
    cleaner.applied([['dns', udp([b])]]);
    await clock.advance(1);
    const late = table.add('udp', vip, a);
    await clock.advance(2000);
    expect(table.all.has(late)).toBe(false);
  });

  test('an entry that a reading misses is found as long as there was anything to find', async () => {
    const { clock, table, cleaner } = rig();
    cleaner.applied([['dns', udp([a])]]);
    await clock.advance(60_000);
    const [first, second, third] = [table.add('udp', vip, a), table.add('udp', vip, a), table.add('udp', vip, a)];
    for (const missed of [second, third]) table.missNextTime(missed);
    cleaner.applied([['dns', udp([b])]]);
    await clock.advance(1);
    expect([...table.all]).toEqual([second, third]);
    table.missNextTime(third);
    await clock.advance(1500);
    expect([...table.all]).toEqual([third]);
    await clock.advance(60_000);
    expect(table.all.has(first) || table.all.has(third)).toBe(false);
  });

  test('entries that come back time and again are not looked for for ever, and less and less often', async () => {
    const { clock, table, cleaner } = rig();
    cleaner.applied([['dns', udp([a])]]);
    await clock.advance(60_000);
    table.reads.length = 0;
    cleaner.applied([['dns', udp([b])]]);
    const after: number[] = [];
    table.add('udp', vip, a);
    for (let second = 0; second < 600; second++) {
      if (table.all.size === 0) table.add('udp', vip, a);
      const before = table.reads.length;
      await clock.advance(second === 0 ? 500 : 1000);
      if (table.reads.length > before) after.push(second);
    }
    expect(after).toHaveLength(8);
    const pauses = after.slice(1).map((at, index) => at - (after[index] ?? 0));
    expect(pauses.slice(1).every((pause, index) => pause > (pauses[index] ?? 0))).toBe(true);
  });

  test('a table with very many stale entries is cleaned all the same', async () => {
    const { clock, table, cleaned, cleaner } = rig();
    for (let n = 0; n < 45_000; n++) table.add('udp', vip, a);
    cleaner.applied([['dns', udp([b])]]);
    await clock.advance(1);
    expect(table.all.size).toBe(0);
    expect(cleaned[0]?.deleted).toBe(45_000);
  });

  test('a long reading is followed by a rest of twice its time, not more', async () => {
    const { clock, table, cleaner } = rig();
    const scan = table.scan.bind(table);
    table.scan = async (section, visit) => {
      await scan(section, visit);
      await new Promise<void>((resolve) => clock.after(2000, resolve));
    };
    for (let n = 0; n < 590; n++) {
      cleaner.applied([['dns', udp([n % 2 === 0 ? a : b])]]);
      await clock.advance(100);
    }
    // A minute of changes: 2 s of reading, 4 s of rest.
    expect(table.reads).toHaveLength(10);
  });

  test('a new address of the node frees those who tried its node port before', async () => {
    const { clock, table, addresses, cleaner } = rig();
    cleaner.applied([['dns', udp([a], [{ kind: 'NodePort', port: 30053, policy: 'Cluster' }])]]);
    await clock.advance(60_000);
    const early = table.add('udp', { address: '192.168.0.7', port: 30053 }, { address: '192.168.0.7', port: 30053 });
    addresses.add('192.168.0.7');
    cleaner.nodePortAddressesChanged();
    await clock.advance(1);
    expect(table.all.has(early)).toBe(false);
  });

  test('a unanswered TCP connection to an endpoint that went is freed, an answered one is not', async () => {
    const { clock, table, cleaner } = rig();
    cleaner.applied([['web', tcp([a, b])]]);
    await clock.advance(60_000);
    const [waiting, established] = [table.add('tcp', vip, a), table.add('tcp', vip, a, { seenReply: true })];
    cleaner.applied([['web', tcp([b])]]);
    await clock.advance(1);
    expect([table.all.has(waiting), table.all.has(established)]).toEqual([false, true]);
  });
});
