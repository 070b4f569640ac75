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
}): AgentState {
  const { forwarding } = o.state;
  const { services, endpoints } = forwarding?.stats ?? { services: 0, endpoints: 0 };
  const { appliedRevision, refusedSetup } = o.sync;
  const { mode } = o.dataPlane;
  return {
    ...(appliedRevision !== undefined && { appliedRevision }),
    ...(mode !== undefined && { mode }),
    ...(o.failure !== undefined && { failure: o.failure }),
    ...(refusedSetup && {
      refusedSettings: { config: refusedSetup.config, error: describeError(refusedSetup.error) },
    }),
    quarantined: [...o.sync.quarantine.values()],
    services,
    endpoints,
    elements: elementsOf(o.dataPlane),
    problems: forwarding?.problems() ?? [],
  };
}

function elementsOf({ current }: RunningDataPlane): number {
  let elements = 0;
  for (const count of current?.sizes.values() ?? []) elements += count;
  return elements;
}
