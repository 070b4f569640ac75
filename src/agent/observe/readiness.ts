import type { WatchStatistics } from '../sources/index.ts';

/** What must be followed for a node to be right; ServiceCIDRs are optional, and hardly ever change. */
const needed = ['services', 'endpointslices', 'nodes'];
/**
 * A watch that has heard nothing for so long knows nothing new. API servers send a bookmark a minute, a watch that is
 * silent for three is begun anew, and an API server may be away for a while: that alone makes no node worse.
 */
const staleAfterSeconds = 300;

/** What {@link Readiness} asks at each question. */
export interface ReadinessOptions {
  /** The configuration that the kernel has: undefined before the first sync. */
  readonly appliedRevision: () => string | undefined;
  /** Why the settings that are wanted are not in force; undefined if they are. */
  readonly settingsFault: () => string | undefined;
  /** Whether updates get to the kernel in time. */
  readonly keepsUp: () => boolean;
  readonly watches: () => Iterable<WatchStatistics>;
}

/**
 * Whether this agent does what it is for, for whoever rolls out agents: not before the first sync, and not while its
 * settings are refused, updates wait or its watches are stale. The node's rules serve all the same.
 */
export class Readiness {
  readonly #o: ReadinessOptions;

  constructor(options: ReadinessOptions) {
    this.#o = options;
  }

  /** Why it is not ready, in words for people; empty if it is. */
  faults(): string[] {
    const { appliedRevision, settingsFault, keepsUp, watches } = this.#o;
    const fault = settingsFault();
    return [
      ...(appliedRevision() === undefined ? ['nothing has been written to the kernel yet'] : []),
      ...(fault === undefined ? [] : [fault]),
      ...(keepsUp() ? [] : ['updates do not get to the kernel']),
      ...[...watches()].flatMap(staleness),
    ];
  }
}

function staleness({ resource, lastEventAgeSeconds }: WatchStatistics): string[] {
  if (!needed.includes(resource) || (lastEventAgeSeconds ?? 0) < staleAfterSeconds) return [];
  return [`nothing was heard of ${resource} for ${Math.round(lastEventAgeSeconds ?? 0)} s`];
}
