import { describe, expect, test } from 'vitest';
import { withDefaults } from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { spokesmanOf } from './spokesman.ts';

const node = (name: string, ready = true): ClusterNode => ({ name, uid: name, labels: {}, ready });
const state = (name: string, synced: 'True' | 'False' | 'Unknown', cleanup = false): ProxyNodeState => ({
  metadata: { name },
  spec: {
    configRef: { name: 'default', generation: 1 },
    revision: '0123456789',
    config: withDefaults({}),
    ...(cleanup && { cleanup: { startedAt: '2026-11-26T00:00:00Z' } }),
  },
  status: {
    conditions: [
      { type: 'Synced', status: synced, reason: 'Any', message: '', lastTransitionTime: '2026-11-26T00:00:00Z' },
    ],
  },
});
const choose = (states: Record<string, ProxyNodeState | undefined>, current?: string, notReady: string[] = []) =>
  spokesmanOf(
    Object.keys(states).map((name) => node(name, !notReady.includes(name))),
    ({ name }) => states[name],
    current,
  );

describe('the agent that writes Events on Services for all', () => {
  test('is the first by name that works', () => {
    expect(choose({ c: state('c', 'True'), b: state('b', 'True'), a: state('a', 'False') })).toBe('b');
    expect(choose({ a: undefined, b: state('b', 'True') })).toBe('b');
  });

  test('stays the same while it works, whoever comes', () => {
    expect(choose({ a: state('a', 'True'), b: state('b', 'True') }, 'b')).toBe('b');
  });

  test('is another one when it fails, is silent, is cleaned up, goes, or its node is NotReady', () => {
    const a = state('a', 'True');
    expect(choose({ a, b: state('b', 'False') }, 'b')).toBe('a');
    expect(choose({ a, b: state('b', 'Unknown') }, 'b')).toBe('a');
    expect(choose({ a, b: state('b', 'True', true) }, 'b')).toBe('a');
    expect(choose({ a }, 'b')).toBe('a');
    expect(choose({ a, b: state('b', 'True') }, 'b', ['b'])).toBe('a');
  });

  test('stays the same while nobody works', () => {
    expect(choose({ a: state('a', 'Unknown'), b: state('b', 'False') }, 'b')).toBe('b');
    expect(choose({ a: state('a', 'Unknown') })).toBeUndefined();
  });
});
