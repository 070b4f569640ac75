import { agentSilent, conditionOf, withDefaults } from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';

/** What a ProxyNodeState says whose spec makes no sense: nothing. */
const nothing: ProxyNodeState['spec'] = {
  configRef: { name: '', generation: 0 },
  revision: '',
  config: withDefaults({}),
};

/** Reads a ProxyNodeState as it may have come through any CRD; a spec that is none of ours says nothing. */
export function readNodeState(raw: { metadata: ProxyNodeState['metadata'] }): ProxyNodeState {
  // What is read of it is looked at here; the agent, which reads the rest, has the CRD's word for it.
  const state = raw as ProxyNodeState;
  const spec = state.spec as Partial<ProxyNodeState['spec']> | null | undefined;
  const ours =
    typeof spec?.configRef?.name === 'string' && typeof spec.revision === 'string' && typeof spec.config === 'object';
  const conditions: unknown = state.status?.conditions ?? [];
  const status = Array.isArray(conditions) ? state.status : undefined;
  return { ...state, spec: ours ? state.spec : nothing, ...(status !== undefined && { status }) };
}

/** True if the node has been told something that makes sense. */
export function isTold(state: ProxyNodeState | undefined): state is ProxyNodeState {
  return state !== undefined && state.spec.revision !== '';
}

/** True while the operator says there, in the agent's place, that nothing is heard of it. */
export function isCalledSilent({ status }: Pick<ProxyNodeState, 'status'>): boolean {
  return conditionOf(status?.conditions, 'Synced')?.reason === agentSilent;
}
