import type { RunningDataPlane } from '../../dataplane/index.ts';
import { describeError } from '../../runtime/index.ts';
import type { DesiredState, Sync } from '../sync/index.ts';
import type { AgentState } from './status.ts';

/** What there is to report at this moment; `failure`: why the last sync failed. */
export function agentState(o: {
  state: DesiredState;
  sync: Sync;
  dataPlane: RunningDataPlane;
  failure: string | undefined;
  /** No ProxyConfig governs this node. */
  uncovered: boolean;
}): AgentState {
  const { forwarding } = o.state;
  const { services, endpoints } = forwarding?.stats ?? { services: 0, endpoints: 0 };
  return {
    ...inForce(o.sync, o.dataPlane),
    ...(o.failure !== undefined && { failure: o.failure }),
    ...(o.uncovered && o.state.config && { goesOnWith: o.state.config.name }),
    quarantined: [...o.sync.quarantine.values()],
    services,
    endpoints,
    elements: elementsOf(o.dataPlane),
    problems: forwarding?.problems() ?? [],
  };
}

function inForce(
  { appliedRevision, refusedSetup }: Sync,
  { mode }: RunningDataPlane,
): Pick<AgentState, 'appliedRevision' | 'mode' | 'refusedSettings'> {
  return {
    ...(appliedRevision !== undefined && { appliedRevision }),
    ...(mode !== undefined && { mode }),
    ...(refusedSetup && {
      refusedSettings: { config: refusedSetup.config.name, error: describeError(refusedSetup.error) },
    }),
  };
}

function elementsOf({ current }: RunningDataPlane): number {
  let elements = 0;
  for (const count of current?.sizes.values() ?? []) elements += count;
  return elements;
}
