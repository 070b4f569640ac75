import { describe, expect, test } from 'vitest';
import { withDefaults } from '../api/index.ts';
import type { Condition, ProxyNodeState, ProxyNodeStateStatus } from '../api/index.ts';
import { overviewOf } from './index.ts';

const now = new Date('2026-11-27T12:00:00Z');
const said = (type: string, status: Condition['status'], reason: string, message = reason): Condition => ({
  ...{ type, status, reason, message, lastTransitionTime: '2026-11-27T11:00:00Z' },
});
const good = said('Synced', 'True', 'UpToDate');
const node = (name: string, status?: ProxyNodeStateStatus): ProxyNodeState => ({
  metadata: { name },
  spec: { configRef: { name: 'default', generation: 1 }, revision: '0123456789', config: withDefaults({}) },
  ...(status && { status }),
});
const of = (nodes: ProxyNodeState[]) => overviewOf({ configs: [], nodes }, now);

describe('nodes by state', () => {
  test('come worst first, each counted once under what is worst about it', () => {
    const nodes = [
      node('fine', { conditions: [good] }),
      node('new'),
      node('odd', { conditions: [good, said('Degraded', 'True', 'ObjectsWithProblems')] }),
      node('lost', { conditions: [good, said('Uncovered', 'True', 'NoGoverningConfig')] }),
      node('gone', {
        conditions: [said('Synced', 'Unknown', 'AgentSilent'), said('Degraded', 'True', 'CannotListen')],
      }),
      node('broken', { conditions: [said('Synced', 'False', 'SyncFailing'), said('Degraded', 'True', 'SyncFailing')] }),
    ];
    expect(of(nodes).nodeGroups.map(({ look, reason, count }) => [look, reason, count])).toEqual([
      ['failing', 'SyncFailing', 1],
      ['silent', 'AgentSilent', 1],
      ['uncovered', 'NoGoverningConfig', 1],
      ['degraded', 'ObjectsWithProblems', 1],
      ['waiting', 'NotReported', 1],
      ['good', 'UpToDate', 1],
    ]);
  });

  test('with the same words are one line that names some of them; all are counted', () => {
    const nodes = Array.from({ length: 5000 }, (_, i) =>
      node(`node-${String(i).padStart(4, '0')}`, {
        conditions: [said('Synced', 'False', 'SyncFailing', `why ${i % 7}`)],
      }),
    );
    const [group] = of(nodes).nodeGroups;
    expect(group?.count).toBe(5000);
    expect(group?.said).toHaveLength(5);
    expect(group?.said[0]).toMatchObject({ message: 'why 0', count: 715 });
    expect(group?.said[0]?.names.slice(0, 2)).toEqual(['node-0000', 'node-0007']);
    expect(JSON.stringify(of(nodes)).length).toBeLessThan(10_000);
  });
});

describe('the busiest Service ports', () => {
  const counted = (until: string, ...servicePorts: [name: string, connections: number][]): ProxyNodeStateStatus => ({
    busiest: {
      ...{ since: new Date(Date.parse(until) - 600_000).toISOString(), until },
      servicePorts: servicePorts.map(([name, connections]) => ({ name, connections })),
    },
  });

  test('are summed up over the nodes that name them', () => {
    const nodes = [
      node('a', counted('2026-11-27T11:50:00Z', ['shop/cart:http', 1200], ['dns/dns:dns', 600])),
      node('b', counted('2026-11-27T11:55:00Z', ['dns/dns:dns', 1800])),
      node('c'),
    ];
    expect(of(nodes).busiest).toEqual([
      { name: 'dns/dns:dns', connectionsPerSecond: 4, nodes: 2 },
      { name: 'shop/cart:http', connectionsPerSecond: 2, nodes: 1 },
    ]);
  });

  test('leave out what was said long ago, and times that make no sense', () => {
    const old = node('a', counted('2026-11-27T10:00:00Z', ['shop/cart:http', 1200]));
    const backwards = node('b', {
      busiest: { since: 'today', until: 'tomorrow', servicePorts: [{ name: 'a/b', connections: 1 }] },
    });
    expect(of([old, backwards]).busiest).toEqual([]);
  });
});

test('thousands of nodes that change within a minute are one change', () => {
  const nodes = Array.from({ length: 3000 }, (_, i) =>
    node(`node-${i}`, { conditions: [good], lastChangeTime: `2026-11-27T11:30:${String(i % 60).padStart(2, '0')}Z` }),
  );
  nodes.push(
    node('late', {
      conditions: [said('Synced', 'False', 'SyncFailing', 'no')],
      lastChangeTime: '2026-11-27T11:31:00Z',
    }),
  );
  expect(of(nodes).changes).toEqual([
    { at: '2026-11-27T11:31:00Z', about: 'late', what: 'SyncFailing: no', look: 'failing' },
    { at: '2026-11-27T11:30:59Z', about: '3000 nodes', what: 'UpToDate, node-0 among them', look: 'good' },
  ]);
});
