import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Family, Frontend, Protocol } from '../services/types.ts';
import { ConntrackCleaner, type CleanUp } from './conntrack-cleaner.ts';
import type { ConntrackSection } from './conntrack-dirt.ts';
import type { TrackedConnection, TrackedServicePort } from './conntrack-view.ts';
import { ManualClock } from './manual-clock.ts';

const nodeIP = '192.168.0.2';

interface Target {
  readonly address: string;
  readonly port: number;
}

/** Connection tracking as the kernel does it, as far as clean-up sees it. */
class FakeTable {
  readonly all = new Set<TrackedConnection>();
  readonly reads: ConntrackSection[] = [];
  failing = false;
  deletesFail = 0;
  #client = 1024;

  entries({ family, protocol }: ConntrackSection): Promise<TrackedConnection[]> {
    this.reads.push({ family, protocol });
    if (this.failing) return Promise.reject(new Error('dump interrupted'));
    return Promise.resolve([...this.all].filter((entry) => entry.family === family && entry.protocol === protocol));
  }

  delete(entry: TrackedConnection): Promise<boolean> {
    if (this.deletesFail > 0) {
      this.deletesFail--;
      return Promise.reject(new Error('no'));
    }
    return Promise.resolve(this.all.delete(entry));
  }

  /** A client's first packet to `to`, sent on to `via`. */
  add(protocol: Protocol, to: Target, via: Target, seenReply = false, family: Family = 4): TrackedConnection {
    const client = { address: '10.244.0.9', port: this.#client++ };
    const entry = {
      family,
      protocol,
      seenReply,
      original: { source: client.address, sourcePort: client.port, destination: to.address, destinationPort: to.port },
      reply: { source: via.address, sourcePort: via.port, destination: client.address, destinationPort: client.port },
    };
    this.all.add(entry);
    return entry;
  }
}

function rig() {
  const clock = new ManualClock();
  const table = new FakeTable();
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
    const [stale, good] = [table.add('udp', vip, a, true), table.add('udp', vip, b, true)];
    cleaner.applied([['dns', udp([b])]]);
    await clock.advance(1);
    expect(table.all.has(stale)).toBe(false);
    expect(table.all.has(good)).toBe(true);
    expect(cleaned.at(-1)).toMatchObject({ family: 4, examined: 2, deleted: 1 });
  });

  test('after a start everything is looked at once, and flows that are fine survive', async () => {
    const { clock, table, cleaner } = rig();
    const [good, stale, unanswered] = [
      table.add('udp', vip, a, true),
      table.add('udp', vip, { address: '10.244.9.9', port: 53 }, true),
      table.add('udp', vip, vip),
    ];
    cleaner.frontendGone({ family: 4, protocol: 'udp' }, { address: '10.96.0.66', port: 53 });
    const deleted = table.add('udp', { address: '10.96.0.66', port: 53 }, a, true);
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
    const mine = [table.add('udp', vip, a, true), table.add('udp', { address: nodeIP, port: 30053 }, a, true)];
    const others = table.add('udp', { address: '192.168.0.3', port: 30053 }, a, true);
    cleaner.applied([['dns', undefined]]);
    await clock.advance(1);
    expect(mine.some((entry) => table.all.has(entry))).toBe(false);
    expect(table.all.has(others)).toBe(true);
  });

  test('nothing is read while nothing changed that matters', async () => {
    const { clock, table, cleaner } = rig();
    cleaner.applied([
      ['dns', udp([a])],
      ['web', tcp([a])],
    ]);
    await clock.advance(60_000);
    expect(table.reads).toHaveLength(2);
    cleaner.applied([['dns', udp([a, b])]]); // one more endpoint
    cleaner.applied([['web', tcp([a, b])]]);
    cleaner.applied([['dns', udp([a, b])]]); // nothing
    cleaner.applied([['none', undefined]]);
    await clock.advance(60_000);
    expect(table.reads).toHaveLength(2);
    cleaner.applied([['web', tcp([b])]]);
    await clock.advance(60_000);
    expect(table.reads.slice(2)).toEqual([{ family: 4, protocol: 'tcp' }]);
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
    const stale = table.add('udp', vip, a, true);
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
    table.add('udp', vip, a, true);
    const second = table.add('udp', vip, a, true);
    table.deletesFail = 1;
    cleaner.applied([['dns', udp([b])]]);
    await clock.advance(1);
    expect(table.all.has(second)).toBe(false);
    expect(failures).toEqual([1000]);
    await clock.advance(1000);
    expect(table.all.size).toBe(0);
    expect(cleaned.map((cleanUp) => cleanUp.deleted)).toEqual([1, 1]);
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
    const [waiting, established] = [table.add('tcp', vip, a), table.add('tcp', vip, a, true)];
    cleaner.applied([['web', tcp([b])]]);
    await clock.advance(1);
    expect([table.all.has(waiting), table.all.has(established)]).toEqual([false, true]);
  });
});

describe('whatever happens in whatever order', () => {
  const ids = ['s0', 's1', 's2'];
  const targets: Target[] = [a, b, { address: '10.244.1.3', port: 53 }];
  /** Each Service has frontends of its own, and one address that may belong to any one of them. */
  const shared: Target = { address: '203.0.113.9', port: 53 };
  const destinations: Target[] = [
    ...ids.map((_id, n) => ({ address: `10.96.0.${n}`, port: 53 })),
    ...ids.map((_id, n) => ({ address: nodeIP, port: 30000 + n })),
    ...ids.map((_id, n) => ({ address: '192.168.0.3', port: 30000 + n })),
    shared,
    { address: '8.8.8.8', port: 53 },
  ];
  const protocols = ['udp', 'sctp', 'tcp'] as const;

  const change = fc.record({
    kind: fc.constant('change' as const),
    id: fc.nat(ids.length - 1),
    exists: fc.boolean(),
    nodePort: fc.boolean(),
    shared: fc.boolean(),
    endpoints: fc.subarray(targets),
  });
  const flow = fc.record({
    kind: fc.constant('flow' as const),
    to: fc.constantFrom(...destinations),
    pick: fc.nat(10),
    seenReply: fc.boolean(),
  });
  const foreign = fc.record({ kind: fc.constant('foreign' as const), via: fc.constantFrom(...targets) });
  const trouble = fc.record({ kind: fc.constant('trouble' as const), reads: fc.boolean(), deletes: fc.nat(2) });
  const sync = fc.record({ kind: fc.constant('sync' as const), succeeds: fc.boolean() });
  const wait = fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.nat(3000) });
  const action = fc.oneof(change, change, flow, flow, flow, foreign, trouble, sync, sync, wait);

  /** Straight from the promise: what may be in the table at the end. */
  function shouldStay(
    entry: TrackedConnection,
    kernel: Map<string, TrackedServicePort>,
    foreigners: Set<unknown>,
  ): boolean {
    if (foreigners.has(entry) || (entry.protocol === 'tcp' && entry.seenReply)) return true;
    const { original, reply } = entry;
    const owner = [...kernel.values()].find(({ frontends }) =>
      frontends.some((frontend) =>
        frontend.kind === 'NodePort'
          ? frontend.port === original.destinationPort && original.destination === nodeIP
          : frontend.port === original.destinationPort && frontend.address === original.destination,
      ),
    );
    if (owner === undefined) return reply.source === original.destination;
    return owner.servingEndpoints.some(({ address, port }) => address === reply.source && port === reply.sourcePort);
  }

  test.each(protocols)(
    '%s: only what leads nowhere is deleted, and all of it in the end',
    async (protocol) => {
      await fc.assert(
        fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
          const { clock, table, cleaner } = rig();
          const desired = new Map<string, TrackedServicePort>();
          const kernel = new Map<string, TrackedServicePort>();
          const pending = new Map<string, TrackedServicePort | undefined>();
          const foreigners = new Set<unknown>();

          const apply = () => {
            for (const [id, port] of pending) {
              if (port === undefined) kernel.delete(id);
              else kernel.set(id, port);
            }
            cleaner.applied(pending);
            pending.clear();
          };
          const servicePort = (o: { id: number; nodePort: boolean; shared: boolean; endpoints: Target[] }) => {
            const frontends: Frontend[] = [{ kind: 'ClusterIP', ...destinations[o.id]!, policy: 'Cluster' }];
            const taken = [...desired].some(
              ([id, { frontends: theirs }]) =>
                id !== ids[o.id] && theirs.some((f) => 'address' in f && f.address === shared.address),
            );
            if (o.shared && !taken) frontends.push({ kind: 'ExternalIP', ...shared, policy: 'Cluster' });
            if (o.nodePort) frontends.push({ kind: 'NodePort', port: 30000 + o.id, policy: 'Cluster' });
            return { protocol, family: 4 as const, frontends, servingEndpoints: o.endpoints };
          };
          /** What the kernel does with a first packet. */
          const connect = (to: Target, pick: number, seenReply: boolean) => {
            const owner = [...kernel.values()].find(({ frontends }) =>
              frontends.some((frontend) =>
                frontend.kind === 'NodePort'
                  ? to.address === nodeIP && to.port === frontend.port
                  : to.address === frontend.address && to.port === frontend.port,
              ),
            );
            if (owner === undefined) table.add(protocol, to, to, seenReply);
            else if (owner.servingEndpoints.length > 0) {
              table.add(protocol, to, owner.servingEndpoints[pick % owner.servingEndpoints.length]!, seenReply);
            } // else rejected: no entry
          };

          for (const step of actions) {
            if (step.kind === 'change') {
              const id = ids[step.id]!;
              const port = step.exists ? servicePort(step) : undefined;
              if (port === undefined) desired.delete(id);
              else desired.set(id, port);
              pending.set(id, port);
            } else if (step.kind === 'flow') connect(step.to, step.pick, step.seenReply);
            else if (step.kind === 'foreign') {
              foreigners.add(table.add(protocol, { address: '8.8.8.8', port: 53 }, step.via, false));
            } else if (step.kind === 'trouble') {
              table.failing = step.reads;
              table.deletesFail = step.deletes;
            } else if (step.kind === 'sync') {
              if (step.succeeds) apply();
            } else await clock.advance(step.milliseconds);
          }
          apply();
          table.failing = false;
          table.deletesFail = 0;
          const before = [...table.all];
          await clock.advance(300_000);
          for (const entry of before) expect(table.all.has(entry)).toBe(shouldStay(entry, kernel, foreigners));
          const reads = table.reads.length;
          await clock.advance(300_000);
          expect(table.reads).toHaveLength(reads);
        }),
        { numRuns: 700 },
      );
    },
    60_000,
  );

  test('no flow to an endpoint that serves is ever deleted on the way', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ endpoints: fc.subarray(targets), wait: fc.nat(1500), pick: fc.nat(5) }), {
          maxLength: 30,
        }),
        async (steps) => {
          const { clock, table, cleaner } = rig();
          const flows = new Map<TrackedConnection, Target>();
          for (const { endpoints, wait: milliseconds, pick } of steps) {
            cleaner.applied([['dns', udp(endpoints)]]);
            const target = endpoints[pick % Math.max(1, endpoints.length)];
            if (target) flows.set(table.add('udp', vip, target, true), target);
            await clock.advance(milliseconds);
            for (const [entry, via] of flows) {
              if (endpoints.includes(via)) expect(table.all.has(entry)).toBe(true);
              else flows.delete(entry);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
