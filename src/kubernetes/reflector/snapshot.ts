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
 * forgotten as they come.
 *
 * Asked for with a version, the server answers from its cache and its database hears nothing of it (decision 20).
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
  const query: QueryParameters = { ...source.selectors, ...freshness(version) };
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

/** How to ask for a list that is not older than this version. */
function freshness(version: string | undefined): QueryParameters {
  // '0' says so by itself, and servers refuse the combination of neither.
  if (version === undefined || version === '0') return { resourceVersion: version };
  // With a limit it would be read from the database, by servers up to 1.30 at least.
  return { resourceVersion: version, resourceVersionMatch: 'NotOlderThan', limit: undefined };
}

/** Objects that are looked at between two turns of the event loop. */
const slice = 250;

/** How a snapshot is worked in. */
interface Application {
  /** Keys to leave alone answer false. */
  readonly mayChange?: (key: string) => boolean;
  /** Told of each key that differed. */
  readonly changed?: (key: string) => void;
  /** Lets others have their turn; answers whether to go on. */
  readonly turn: () => Promise<boolean>;
}

/**
 * Brings the store to the snapshot, some objects at a time: deletions first, so that what one object gives up (an
 * address, say) is free before another takes it. Takes the snapshot apart as it goes, so that a store which keeps no
 * objects is never beside a second copy of all of them.
 *
 * @returns whether it was worked in to its end
 */
export async function applySnapshot<T>(
  store: ObjectStore<T>,
  { objects }: Snapshot<T>,
  { mayChange = () => true, changed, turn }: Application,
): Promise<boolean> {
  const gone = [...store.keys()].filter((key) => !objects.has(key));
  const remove = (key: string): boolean => store.delete(key);
  const put = (key: string): boolean => {
    const listed = objects.get(key);
    objects.delete(key);
    return listed !== undefined && store.put(key, listed.version, () => listed.value);
  };
  for (const [keys, change] of [
    [gone, remove],
    [[...objects.keys()], put],
  ] as const) {
    for (const [index, key] of keys.entries()) {
      if (index % slice === slice - 1 && !(await turn())) return false;
      if (mayChange(key) && change(key)) changed?.(key);
    }
  }
  return true;
}
