import type { ProxyNodeState } from '../api/index.ts';

/** A Service port by its new connections, over all nodes that name it among their busiest. */
export interface BusyServicePort {
  /** `namespace/service:port`. */
  readonly name: string;
  /** At least so many: nodes on which it is not among the busiest do not say. */
  readonly connectionsPerSecond: number;
  /** Nodes that name it. */
  readonly nodes: number;
}

const mostShown = 10;
/** What a node said longer ago than this is of the past: an agent that counts would have said something since. */
const oldestSeconds = 3600;

/** Those with the most new connections, most first. */
export function busiestOf(nodes: readonly ProxyNodeState[], now: Date): BusyServicePort[] {
  const sums = new Map<string, BusyServicePort>();
  for (const { status } of nodes) {
    if (status?.busiest === undefined) continue;
    const { since, until, servicePorts } = status.busiest;
    const seconds = (Date.parse(until) - Date.parse(since)) / 1000;
    const isPast = now.getTime() - Date.parse(until) > oldestSeconds * 1000;
    if (isPast || !(seconds > 0)) continue;
    for (const { name, connections } of servicePorts) {
      const sum = sums.get(name) ?? { name, connectionsPerSecond: 0, nodes: 0 };
      const connectionsPerSecond = sum.connectionsPerSecond + connections / seconds;
      sums.set(name, { name, connectionsPerSecond, nodes: sum.nodes + 1 });
    }
  }
  return [...sums.values()].sort(most).slice(0, mostShown);
}

function most(a: BusyServicePort, b: BusyServicePort): number {
  return b.connectionsPerSecond - a.connectionsPerSecond || (a.name < b.name ? -1 : 1);
}
