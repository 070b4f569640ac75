import { beforeEach, describe, expect, test } from 'vitest';
import { kubeProxyLabel, withDefaults } from '../../api/index.ts';
import type { ProxyConfigSpec, ProxyNodeState } from '../../api/index.ts';
import type { CheckedConfig, ClusterNode } from '../cluster/index.ts';
import { cleanupsOf } from './cleanup.ts';
import { operatorConditions } from './operator-conditions.ts';

const begin = Date.parse('2026-01-01T12:00:00Z');
const names = ['a', 'b', 'c', 'd', 'e'];

/** Five nodes that ProxyConfig `gone` has governed since long ago. */
let nodes: Map<string, { node: ClusterNode; state: ProxyNodeState }>;
let configs: CheckedConfig[];
let kindSince: Date | undefined;
let now: number;

beforeEach(() => {
  now = begin;
  configs = [];
  kindSince = new Date('2025-01-01T00:00:00Z');
  nodes = new Map(names.map((name) => [name, { node: nodeOf(name), state: told(name, { onDelete: 'Cleanup' }) }]));
});

const nodeOf = (name: string, ready = true): ClusterNode => ({ name, uid: name, labels: {}, ready });

function told(name: string, spec: ProxyConfigSpec): ProxyNodeState {
  const config = withDefaults(spec);
  return {
    metadata: { name, generation: 1, creationTimestamp: '2025-06-01T00:00:00Z' },
    spec: { configRef: { name: 'gone', generation: 1 }, revision: '0123456789', config },
  };
}

/** Seconds pass: nodes say that nobody governs them, then the operator decides; names of those told in each step. */
function pass(seconds: number): string[] {
  const all: string[] = [];
  for (let past = 0; past < seconds; past += 10) {
    for (const each of nodes.values()) {
      const known = { covered: false, silence: undefined, now: new Date(now) };
      const conditions = operatorConditions(each.state, known);
      const others = each.state.status?.conditions?.filter(({ type }) => type !== 'Uncovered') ?? [];
      if (conditions !== undefined) each.state = { ...each.state, status: { conditions: [...others, ...conditions] } };
    }
    const tell = cleanupsOf({ configs, uncovered: [...nodes.values()], kindSince, now: new Date(now) });
    if (tell.size > 0) all.push([...tell.keys()].join(' '));
    for (const [name, spec] of tell) {
      const each = nodes.get(name)!;
      each.state = { ...each.state, metadata: { ...each.state.metadata, generation: 2 }, spec };
    }
    now += 10_000;
  }
  return all;
}

/** The agents of these nodes remove everything. */
function clean(...which: string[]): void {
  for (const name of which) {
    const each = nodes.get(name)!;
    const synced = { type: 'Synced', status: 'True', reason: 'CleanedUp', message: '', observedGeneration: 2 } as const;
    const others = each.state.status?.conditions?.filter(({ type }) => type !== 'Synced') ?? [];
    const conditions = [...others, { ...synced, lastTransitionTime: new Date(now).toISOString() }];
    each.state = { ...each.state, status: { conditions } };
  }
}
const reasonOf = (name: string) =>
  nodes.get(name)?.state.status?.conditions?.find(({ type }) => type === 'Uncovered')?.reason;
const config = (spec: ProxyConfigSpec, errors: CheckedConfig['errors'] = []): CheckedConfig => ({
  config: { metadata: { name: 'gone' }, spec },
  errors,
});

describe('nodes whose ProxyConfig said onDelete: Cleanup and is gone', () => {
  test('are cleaned up after a minute, one first, then in batches when it says that it is clean', () => {
    expect(pass(60)).toEqual([]);
    expect(reasonOf('a')).toBe('CleanupPending');
    expect(pass(60)).toEqual(['a']);
    expect(reasonOf('a')).toBe('CleaningUp');
    clean('a');
    expect(pass(60), 'a tenth of five is one').toEqual(['b']);
    expect(reasonOf('a')).toBe('CleanedUp');
    clean('b');
    expect(pass(10)).toEqual(['c']);
  });

  test('a node waits until kube-proxy is back, since nobody else would serve it', () => {
    const { node, state } = nodes.get('a')!;
    nodes.set('a', { node: { ...node, labels: { [kubeProxyLabel]: 'restoring' } }, state });
    expect(pass(120)).toEqual(['b']);
    clean('b');
    nodes.set('a', { node, state: nodes.get('a')!.state });
    expect(pass(10)).toEqual(['a']);
  });

  test('are not held up by one that is NotReady, which is told all the same', () => {
    nodes.get('b')!.node = nodeOf('b', false);
    pass(60);
    expect(pass(10)).toEqual(['a b']);
    clean('a');
    expect(pass(10)).toEqual(['c']);
  });

  test('are held up by one that says nothing no longer than the usual deadline', () => {
    expect(pass(600)).toEqual(['a']);
    expect(pass(120)).toEqual(['b']);
  });

  test('keep their rules when the ProxyConfigs went with their CRD', () => {
    kindSince = undefined;
    expect(pass(600)).toEqual([]);
    // Somebody has installed it again.
    kindSince = new Date(begin);
    expect(pass(600)).toEqual([]);
    expect(reasonOf('a')).toBe('CleanupPending');
  });

  test('keep their rules if they were told Keep', () => {
    for (const [name, each] of nodes) each.state = told(name, {});
    expect(pass(600)).toEqual([]);
    expect(reasonOf('a')).toBe('NoGoverningConfig');
  });
});

describe('nodes that a ProxyConfig no longer selects', () => {
  test('are cleaned up as many at a time as it says', () => {
    configs = [config({ onDelete: 'Cleanup', rollout: { maxUnavailable: 3 } })];
    pass(60);
    expect(pass(10)).toEqual(['a']);
    clean('a');
    expect(pass(10)).toEqual(['b c d']);
  });

  test.each<[string, CheckedConfig]>([
    ['is paused', config({ onDelete: 'Cleanup', rollout: { paused: true } })],
    ['says Keep by now', config({})],
    ['is invalid', config({ onDelete: 'Cleanup' }, [{ path: 'spec.mode', message: 'must be nftables' }])],
  ])('keep their rules while it %s', (_story, given) => {
    configs = [given];
    expect(pass(600)).toEqual([]);
  });
});
