import { conditionOf, maximumNodeMessage, shorten } from '../../api/index.ts';
import type { Condition, ProxyNodeState } from '../../api/index.ts';
import type { AgentPod } from '../cluster/index.ts';

/**
 * What a node says once the Pod of its agent is looked at, too. It has what it was told only when the agent that says so
 * is the one that it was told to run; an agent that cannot run fails, though nobody is left to say so.
 *
 * Without a Pod (somebody runs the agent by hand) there is only the agent's word.
 */
export function withAgent(state: ProxyNodeState, pod: AgentPod | undefined): ProxyNodeState {
  const { agentRevision } = state.spec;
  if (agentRevision === undefined) return state;
  if (pod !== undefined && (pod.revision !== agentRevision || pod.deleting)) return unreported(state);
  if (pod?.trouble !== undefined) return failing(state, pod.trouble);
  return (state.status?.agentRevision ?? agentRevision) === agentRevision ? state : unreported(state);
}

/** Of conditions, what an agent may say only for want of something that its successor has: a right, a HAProxy beside it. */
const forWantOfMeans: readonly string[] = ['SettingsRefused', 'PreflightBlocking', 'ModeUnavailable'];

/** As if the agent had not said yet that it has what the node was told, nor that it cannot have it. */
function unreported(state: ProxyNodeState): ProxyNodeState {
  const conditions = state.status?.conditions?.filter(({ reason }) => !forWantOfMeans.includes(reason)) ?? [];
  const status = { ...state.status, conditions };
  delete status.appliedRevision;
  return { ...state, status };
}

function failing(state: ProxyNodeState, trouble: string): ProxyNodeState {
  const { metadata, status } = state;
  const others = status?.conditions?.filter(({ type }) => type !== 'Synced') ?? [];
  const before = conditionOf(status?.conditions, 'Synced');
  const synced: Condition = {
    ...{ type: 'Synced', status: 'False', reason: 'AgentNotRunning', message: shorten(trouble, maximumNodeMessage) },
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    lastTransitionTime: before?.lastTransitionTime ?? metadata.creationTimestamp ?? '1970-01-01T00:00:00Z',
  };
  return { ...state, status: { ...status, conditions: [...others, synced] } };
}
