import type { KernelTable } from '../../dataplane/index.ts';
import type { AgentState } from './status.ts';
import type { Sync } from '../sync/index.ts';

/** What there is to report at this moment. */
export function agentState(
  sync: Sync,
  kernel: KernelTable,
  { failure, lastGood }: { failure: string | undefined; lastGood: string | undefined },
): AgentState {
  const stats = sync.forwarding?.stats ?? { services: 0, endpoints: 0 };
  const applied = sync.appliedRevision;
  let elements = 0;
  for (const count of kernel.elementCounts.values()) elements += count;
  return {
    ...(applied !== undefined && { appliedRevision: applied }),
    ...(lastGood !== undefined && { lastGoodRevision: lastGood }),
    ...(failure !== undefined && { failure }),
    quarantined: [...kernel.quarantined.values()],
    services: stats.services,
    endpoints: stats.endpoints,
    elements,
    problems: sync.forwarding?.problems() ?? [],
  };
}
