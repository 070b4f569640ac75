import { expect, test } from 'vitest';
import { withDefaults } from '../defaults.ts';
import { readStoredStatus } from './stored-status.ts';

const time = '2026-11-28T12:00:00Z';
const rollout = { phase: 'Complete', startedAt: time, lastProgressAt: time };
const ready = { type: 'Ready', status: 'True', lastTransitionTime: time, reason: 'AllNodesSynced', message: 'all' };

test('a status of ours is read as it was written', () => {
  const status = {
    ...{ observedGeneration: 3, currentRevision: 'aaaaaaaaaa', currentConfig: withDefaults({}), rollout },
    ...{ conditions: [ready], failedNodes: [{ name: 'a', reason: 'ApplyFailed', message: 'it fails' }] },
  };
  expect(readStoredStatus(status)).toEqual(status);
});

test.each([
  ['a rollout that is none', { rollout: null }],
  ['a rollout that began at no time', { rollout: { ...rollout, startedAt: 'yesterday' } }],
  ['a phase of a newer version', { rollout: { ...rollout, phase: 'Hovering' } }],
  ['settings that are a list', { currentConfig: [] }],
  ['settings with a mode of a newer version', { currentConfig: { mode: 'hover' } }],
  ['a condition that is none', { conditions: [ready, [ready]] }],
  ['a generation that no API server counts', { observedGeneration: 1e300 }],
  ['what is nested too deeply', { failedNodes: JSON.parse('['.repeat(5000) + ']'.repeat(5000)) as unknown }],
])('what it says beside it counts, and not %s', (_story, odd) => {
  expect(readStoredStatus({ updateRevision: 'bbbbbbbbbb', ...odd })).toEqual({ updateRevision: 'bbbbbbbbbb' });
});

test('settings of an earlier version mean what they meant', () => {
  const { conntrack, ...earlier } = withDefaults({ masqueradeAll: true });
  expect(readStoredStatus({ currentConfig: { ...earlier, hoverboard: 1 } })).toEqual({
    currentConfig: { ...earlier, conntrack },
  });
});

test('what has no fields is no status', () => {
  for (const odd of [undefined, null, 'ready', 7, [rollout]]) expect(readStoredStatus(odd)).toBeUndefined();
});
