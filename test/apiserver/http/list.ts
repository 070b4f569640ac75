import type { ClusterState } from '../cluster-state.ts';
import type { KubeObject } from '../json.ts';
import type { Resource } from '../resources.ts';
import { storageKey } from '../resources.ts';
import type { Predicate } from '../selectors.ts';
import { parseFieldSelector, parseLabelSelector, selectedName } from '../selectors.ts';
import { StatusError, badRequest, continueExpired, expired } from '../status.ts';
import type { Entry } from '../store/store.ts';
import { Compacted } from '../store/store.ts';
import { represent } from '../view/represent.ts';

/** Which objects of a collection a request is about. */
export interface Selection {
  resource: Resource;
  namespace: string;
  matches: Predicate;
  /** The only name that can match, if the field selector fixes it. */
  name: string | undefined;
}

/** Builds the selection from labelSelector and fieldSelector. Throws StatusError 400. */
export function selectionOf(resource: Resource, namespace: string, name: string, query: URLSearchParams): Selection {
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  const tests: Predicate[] = [];
  if (labels) tests.push(parseLabelSelector(labels));
  if (fields) {
    const test = parseFieldSelector(fields, ['metadata.name', 'metadata.namespace', ...resource.fields]);
    tests.push(resource.storedAs === undefined ? test : (object) => test(represent(resource, object)));
  }
  if (name) tests.push((object) => object.metadata.name === name);
  const matches = (object: Readonly<KubeObject>): boolean => tests.every((test) => test(object));
  return { resource, namespace, matches, name: name || (fields ? selectedName(fields) : undefined) };
}

/** One page of a list. */
export interface Page {
  entries: Entry[];
  resourceVersion: string;
  continue: string | undefined;
  /** How many are behind this page; undefined when a selector makes that unknown. */
  remaining: number | undefined;
}

interface Token {
  at: number;
  after: string;
}

function encodeToken(token: Token): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function decodeToken(text: string): Token {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString()) as Partial<Token>;
    if (typeof token.at === 'number' && typeof token.after === 'string') return { at: token.at, after: token.after };
  } catch {
    // Falls through to the same answer as for a token with missing parts.
  }
  throw badRequest('invalid continue token: continue key is not valid: illegal base64 data');
}

/** A resourceVersion from a query as a number; undefined when it is not set. Throws StatusError 400. */
export function versionOf(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) {
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`,
    );
  }
  return Number(text);
}

/** The revision a list shows: the newest unless a token or an exact match asks for an older one. */
function revisionOf(state: ClusterState, query: URLSearchParams, token: Token | undefined): number {
  const { revision } = state.store;
  if (token) return token.at;
  const asked = versionOf(query.get('resourceVersion'));
  if (asked === undefined) return revision;
  if (asked > revision) {
    const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
    const message = `Timeout: Too large resource version: ${asked}, current: ${revision}`;
    throw new StatusError(504, 'Timeout', message, { causes, retryAfterSeconds: 1 });
  }
  return query.get('resourceVersionMatch') === 'Exact' ? asked : revision;
}

function candidates(state: ClusterState, selection: Selection, at: number, after: string): Entry[] {
  const resource = storageKey(selection.resource);
  const { namespace, name } = selection;
  const exact =
    name !== undefined && at === state.store.revision && (namespace !== '' || !selection.resource.namespaced);
  if (exact) {
    const entry = state.store.get(resource, namespace ? `${namespace}/${name}` : name);
    return entry ? [entry] : [];
  }
  return state.store.list(resource, { namespace, at, after });
}

/** Lists a selection, a page at a time when `limit` is given. Throws StatusError 400, 410, 504. */
export function listPage(state: ClusterState, selection: Selection, query: URLSearchParams): Page {
  const token = query.get('continue') ? decodeToken(query.get('continue') ?? '') : undefined;
  const at = revisionOf(state, query, token);
  try {
    return cut(selection, candidates(state, selection, at, token?.after ?? ''), at, query);
  } catch (error) {
    if (!(error instanceof Compacted)) throw error;
    throw token ? continueExpired() : expired(at, error.oldest);
  }
}

function cut(selection: Selection, all: Entry[], at: number, query: URLSearchParams): Page {
  const limit = Number(query.get('limit') ?? 0);
  const entries: Entry[] = [];
  const resourceVersion = String(at);
  for (const [index, entry] of all.entries()) {
    if (!selection.matches(entry.object)) continue;
    if (limit > 0 && entries.length === limit) {
      const selected = query.has('labelSelector') || query.has('fieldSelector');
      const after = entries.at(-1)?.key ?? '';
      const remaining = selected ? undefined : all.length - index;
      return { entries, resourceVersion, continue: encodeToken({ at, after }), remaining };
    }
    entries.push(entry);
  }
  return { entries, resourceVersion, continue: undefined, remaining: undefined };
}
