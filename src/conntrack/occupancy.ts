import type { Payload } from '../netlink/index.ts';
import { Attributes } from './attributes.ts';
import { cpuStatisticsAttribute, statisticsAttribute } from './constants.ts';

/** How full the table of connections of a network namespace is. */
export interface ConntrackOccupancy {
  /** Connections in it. */
  readonly entries: number;
  /** `nf_conntrack_max`, the most there may be. */
  readonly limit: number;
  /** Packets that the kernel has dropped since the namespace began, as their connection got no entry: there was no room. */
  readonly dropped: number;
  /** Entries of connections that were not established which the kernel has taken out since then to make room. */
  readonly evicted: number;
}

/** Entries and limit in the attributes of a CT_GET_STATS message. @throws MalformedMessageError for numbers that are cut off */
export function decodeStatistics({ bytes, view, start, end }: Payload): Pick<ConntrackOccupancy, 'entries' | 'limit'> {
  const attributes = new Attributes(bytes, view);
  const number = (type: number): number => attributes.u32(attributes.find(start, end, type));
  return { entries: number(statisticsAttribute.entries), limit: number(statisticsAttribute.limit) };
}

/** One processor's part in the attributes of a CT_GET_STATS_CPU message. @throws MalformedMessageError as above */
export function decodeCpuStatistics(payload: Payload): Pick<ConntrackOccupancy, 'dropped' | 'evicted'> {
  const { bytes, view, start, end } = payload;
  const attributes = new Attributes(bytes, view);
  const number = (type: number): number => attributes.u32(attributes.find(start, end, type));
  return { dropped: number(cpuStatisticsAttribute.drop), evicted: number(cpuStatisticsAttribute.earlyDrop) };
}
