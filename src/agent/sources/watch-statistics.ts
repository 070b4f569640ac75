import type { ReflectorStatistics } from '../../kubernetes/index.ts';

/** How one resource's watch has fared since the agent started. */
export interface WatchStatistics {
  /** Plural name of the resource: `services`. */
  readonly resource: string;
  readonly lists: number;
  readonly watches: number;
  readonly events: number;
  readonly errors: number;
  /** Changes that only a new list brought to light. */
  readonly cacheMisses: number;
  /** Seconds since the last list, event or bookmark; undefined before the first. */
  readonly lastEventAgeSeconds: number | undefined;
  /** Nothing is followed at the moment: the last attempt failed. */
  readonly failing: boolean;
}

/** What a reflector says of itself, as of now. */
export function watchStatistics(resource: string, statistics: ReflectorStatistics): WatchStatistics {
  return { resource, ...statistics };
}
