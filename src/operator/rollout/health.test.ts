import { describe, expect, it } from 'vitest';
import type { ProxyNodeState } from '../../api/index.ts';
import { failureOf, healthOf } from './health.ts';

function node(reason: string): ProxyNodeState {
  const said = { observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z' };
  return {
    apiVersion: 'nftproxy.io/v1alpha1',
    kind: 'ProxyNodeState',
    metadata: { name: 'node-1', generation: 2 },
    spec: { configRef: { name: 'default' }, revision: 'r2', config: {} } as ProxyNodeState['spec'],
    status: {
      appliedRevision: 'r2',
      conditions: [
        { type: 'Synced', status: 'True', reason: 'UpToDate', message: 'all', ...said },
        { type: 'Degraded', status: 'True', reason, message: 'why', ...said },
      ],
    },
  };
}

describe('a node that serves all it was told', () => {
  it('fails a rollout where its kernel cannot do the mode, and not for what one Service asks for', () => {
    expect(failureOf(node('ModeUnavailable'))).toEqual({ name: 'node-1', reason: 'ModeUnavailable', message: 'why' });
    expect(failureOf(node('FallenBackToSlots'))).toBeUndefined();
  });

  it('is waited for while the proxy of its mode is only starting', () => {
    expect(failureOf(node('WaitingForProxy'))).toBeUndefined();
    expect(healthOf(node('WaitingForProxy'))).toBe('pending');
    expect(healthOf(node('FallenBackToSlots'))).toBe('ready');
  });
});
