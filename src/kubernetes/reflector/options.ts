import type { Clock } from '../../runtime/index.ts';
import type { ApiClient, KubernetesObject } from '../client/index.ts';

/** Told of what happens in a collection. Exceptions are caught and reported through `onError`. */
export interface ReflectorHandler<T> {
  /**
   * An object is new (`previous` undefined), different, or gone (`current` undefined). Called synchronously, once per
   * real difference, also for those that a re-list finds; the calls in their order always lead to the collection's
   * content. A reflector that keeps versions only does not know what was before: `previous` is then always undefined.
   *
   * @param key `namespace/name`, or `name` in a cluster-scoped collection
   */
  changed(key: string, current: T | undefined, previous: T | undefined): void;
  /** The first list is complete: `changed` has been called for every object of it. */
  synced?(): void;
}

export interface ReflectorOptions<T> {
  /** What is reflected, in a word, for messages. */
  name: string;
  client: ApiClient;
  /** The collection, from {@link resourcePath}. */
  path: string;
  labelSelector?: string;
  fieldSelector?: string;
  /**
   * What to keep of an object; all of it if left out. When it throws, that is reported and the last good value stays.
   */
  transform?: (raw: KubernetesObject) => T;
  /**
   * `versions`: for a handler that keeps what it is told in a form of its own. The reflector then holds no object once
   * the handler has it, only its key and resourceVersion, and {@link Reflector.get} and `values` know nothing.
   * `objects` if left out.
   */
  keep?: 'objects' | 'versions';
  handler: ReflectorHandler<T>;
  /** Something went wrong; `retryInMilliseconds` says when it is tried again, 0 if there is nothing to retry. */
  onError?: (error: Error, o: { retryInMilliseconds: number }) => void;
  /** The longest time between two comparisons with a fresh list; chance takes up to half of it off. 2400 if left out. */
  relistSeconds?: number;
  clock?: Clock;
  /** A number in [0, 1), for all that chance decides; Math.random if left out. */
  random?: () => number;
}

/** Counters since the start. */
export interface ReflectorStatistics {
  readonly lists: number;
  readonly watches: number;
  readonly events: number;
  /** Changes that the watch had missed, and the periodic comparison found and repaired. */
  readonly cacheMisses: number;
  readonly errors: number;
  /** Seconds since the last list, event or bookmark, whatever the wall clock did meanwhile; undefined before the first. */
  readonly lastEventAgeSeconds: number | undefined;
  readonly lastError: string | undefined;
  /** The last attempt to list or watch failed: nothing is followed at the moment. */
  readonly failing: boolean;
}
