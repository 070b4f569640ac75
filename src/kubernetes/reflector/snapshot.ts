import { ApiError, objectKey } from '../client/index.ts';
import type { ApiClient, KubernetesObject, QueryParameters } from '../client/index.ts';
import type { ObjectStore } from './object-store.ts';

/** An object of a list: its version, and how to make the value to keep of it, if the store lacks that version. */
interface Listed<T> {
  readonly version: string;
  readonly value: T | undefined;
}

/** A collection as it was at one version. */
export interface Snapshot<T> {
  readonly version: string;
  readonly objects: Map<string, Listed<T>>;
}

/** Fetches snapshots for one reflector. */
export interface SnapshotSource<T> {
  readonly client: ApiClient;
  readonly path: string;
  readonly selectors: QueryParameters;
  /** Called for each request to the server. */
  readonly counted: () => void;
  /** Makes the value to keep; undefined (after reporting why) if that is impossible. */
  readonly convert: (key: string, raw: KubernetesObject) => T | undefined;
}

/** Server answers that mean "not from the cache, not at that version": ask for the latest state instead. */
const refusals = new Set([400, 410, 504]);

/**
 * Lists the collection; only the objects whose version is new to `store` are converted, so that the raw ones can be
 * forgotten page by page.
 *
 * @param version what the list must not be older than: `'0'` for anything the server has in its cache, undefined for
 * the latest state. If the server refuses such a list, the latest state is fetched
 */
export async function fetchSnapshot<T>(
  source: SnapshotSource<T>,
  store: ObjectStore<T>,
  version: string | undefined,
  signal: AbortSignal,
): Promise<Snapshot<T>> {
  const query: QueryParameters = {
    ...source.selectors,
    resourceVersion: version,
    // '0' says so by itself, and servers refuse the combination of neither.
    resourceVersionMatch: version === undefined || version === '0' ? undefined : 'NotOlderThan',
  };
  const objects = new Map<string, Listed<T>>();
  const visit = (page: readonly KubernetesObject[], first: boolean): void => {
    if (first) objects.clear();
    for (const raw of page) {
      const key = objectKey(raw.metadata);
      const version = raw.metadata.resourceVersion ?? '';
      objects.set(key, { version, value: store.has(key, version) ? undefined : source.convert(key, raw) });
    }
  };
  source.counted();
  try {
    return { version: await source.client.listPages(source.path, query, visit, { signal }), objects };
  } catch (error) {
    if (version === undefined || !(error instanceof ApiError) || !refusals.has(error.status)) throw error;
    return await fetchSnapshot(source, store, undefined, signal);
  }
}

/**
 * Brings the store to the snapshot: deletions first, so that what one object gives up (an address, say) is free before
 * another takes it. Takes the snapshot apart as it goes, so that a store which keeps no objects is never beside a second
 * copy of all of them.
 *
 * @param mayChange keys to leave alone answer false
 * @returns the keys that differed
 */
export function applySnapshot<T>(
  store: ObjectStore<T>,
  snapshot: Snapshot<T>,
  mayChange: (key: string) => boolean = () => true,
): string[] {
  const differed: string[] = [];
  for (const key of [...store.keys()]) {
    if (!snapshot.objects.has(key) && mayChange(key) && store.delete(key)) differed.push(key);
  }
  for (const [key, { version, value }] of snapshot.objects) {
    snapshot.objects.delete(key);
    if (mayChange(key) && store.put(key, version, () => value)) differed.push(key);
  }
  return differed;
}
