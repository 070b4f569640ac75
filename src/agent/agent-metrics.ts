import type { ConntrackOccupancy } from '../conntrack/index.ts';
import type { FastPathState, RunningDataPlane } from '../dataplane/index.ts';
import { packageVersion } from '../runtime/index.ts';
import type { Logger } from '../runtime/index.ts';
import type { Family } from '../services/index.ts';
import { AgentMetrics, countNoLocalEndpoints } from './observe/index.ts';
import type { WatchStatistics } from './sources/index.ts';
import type { DesiredState, Sync } from './sync/index.ts';

const unreadable = {
  connections: 'cannot read the connection counters of the kernel',
  requests: 'cannot read what HAProxy has counted; this scrape goes without',
};

/** The agent's metrics, asked of its parts at each scrape. */
export function agentMetrics(o: {
  families: readonly Family[];
  state: DesiredState;
  sync: Sync;
  dataPlane: RunningDataPlane;
  watches: () => Iterable<WatchStatistics>;
  localhostListeners: (family: Family) => number;
  uncovered: () => boolean;
  lastGoodKept: () => boolean;
  connections: () => ConntrackOccupancy | undefined;
  log: Logger;
}): AgentMetrics {
  const { state, sync, dataPlane, log } = o;
  return new AgentMetrics({
    version: packageVersion,
    families: o.families,
    sources: {
      mode: () => dataPlane.mode,
      mapElements: () => dataPlane.current?.sizes ?? [],
      quarantinedServicePorts: () => sync.quarantine.size,
      fastPathInterfaces: () => devicesOf(dataPlane.current?.fastPath),
      servedBy: () => dataPlane.current?.servedBy() ?? {},
      fallenBack: () => [...(dataPlane.current?.fallbacks.values() ?? [])].map(({ askedBy }) => askedBy),
      settingsRefused: () => sync.refusedSetup !== undefined,
      uncovered: o.uncovered,
      lastGoodKept: o.lastGoodKept,
      watches: o.watches,
      connections: o.connections,
      connectionCounts: () => dataPlane.current?.counters() ?? Promise.resolve([]),
      requestCounts: () => dataPlane.current?.requests?.() ?? Promise.resolve([]),
      noLocalEndpoints: () => countNoLocalEndpoints(state.forwarding?.values() ?? []),
      localhostListeners: o.localhostListeners,
    },
    onCollectFailure: (what, error) => log.warn(unreadable[what], { error }),
  });
}

function devicesOf(fastPath: FastPathState | undefined): number {
  return fastPath && 'devices' in fastPath ? fastPath.devices : 0;
}
