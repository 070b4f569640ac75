import { describe, expect, it } from 'vitest';
import type { ProxyNodeState } from '../../api/index.ts';
import type { AgentPod } from '../cluster/index.ts';
import { failureOf, healthOf } from './health.ts';
import { withAgent } from './with-agent.ts';

const said = { observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z', message: 'no right to' };

/** A node that was told settings and an agent for them, and whose agent of before refuses the settings. */
function refusedBy(agentRevision: string): ProxyNodeState {
  return {
    apiVersion: 'nftproxy.io/v1alpha1',
    kind: 'ProxyNodeState',
    metadata: { name: 'node-1', generation: 2 },
    spec: {
      configRef: { name: 'default' },
      revision: 'r2',
      config: {},
      agentRevision: 'new',
    } as ProxyNodeState['spec'],
    status: {
      agentRevision,
      conditions: [
        { type: 'Synced', status: 'False', reason: 'SettingsRefused', ...said },
        { type: 'Degraded', status: 'True', reason: 'SettingsRefused', ...said },
      ],
    },
  };
}

const pod = (revision: string): AgentPod => ({
  ...{ name: 'agent', uid: '1', node: 'node-1', revision, deleting: false, trouble: undefined },
});

describe('settings that an agent refuses', () => {
  it('are judged by the agent that they come with, not by the one that it replaces', () => {
    const before = withAgent(refusedBy('old'), pod('old'));
    expect([healthOf(before), failureOf(before)]).toEqual(['pending', undefined]);
    const after = withAgent(refusedBy('new'), pod('new'));
    expect([healthOf(after), failureOf(after)?.reason]).toEqual(['failed', 'SettingsRefused']);
  });
});
