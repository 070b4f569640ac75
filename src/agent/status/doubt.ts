import type { WatchStatistics } from '../sources/index.ts';

/** What an agent cannot do without; ServiceCIDRs are optional, and hardly ever change. */
const needed = ['services', 'endpointslices', 'nodes', 'proxynodestates'];

/** What an agent's word depends on. */
export interface Standing {
  /** Of all that the agent follows. */
  readonly watches: Iterable<WatchStatistics>;
  /** The last attempt to write the status failed: what it says is not what is. */
  readonly reportFails: boolean;
}

/**
 * Why an agent cannot vouch for what its node's ProxyNodeState says; undefined if it can. A process that runs is not
 * enough: one that the API server turns away knows nothing new and can say nothing.
 */
export function doubtOf({ watches, reportFails }: Standing): string | undefined {
  const lost = [...watches].filter(isLost).map(({ resource }) => resource);
  if (lost.length > 0) return `the API server is not followed: ${lost.join(', ')}`;
  return reportFails ? 'the status of the ProxyNodeState cannot be written' : undefined;
}

function isLost({ resource, failing, lastEventAgeSeconds }: WatchStatistics): boolean {
  return needed.includes(resource) && (failing || lastEventAgeSeconds === undefined);
}
