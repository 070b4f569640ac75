import { isGone } from './errors.ts';
import type { QueryParameters } from './paths.ts';

/** See {@link ApiClient.listPages}. */
export type PageVisitor<T> = (items: readonly T[], first: boolean) => void;

/** What a page says beside its items. */
export interface PageEnd {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

/** Does one request; the items of its answer are handed to `visit` as they come. */
type PageFetcher<T> = (query: QueryParameters, visit: (items: readonly T[]) => void) => Promise<PageEnd>;

const pageSize = 500;

/**
 * Lists a collection in pages. When the server has forgotten the list's version between two pages (410), the collection
 * is fetched again in one piece, which cannot expire half-way.
 *
 * @param query a `limit` in it, undefined too, takes the place of 500
 * @returns the resourceVersion of the list that the visitor saw last in full
 * @throws what `fetchPage` throws; Error for an answer without resourceVersion
 */
export async function listPages<T>(
  fetchPage: PageFetcher<T>,
  path: string,
  query: QueryParameters,
  visit: PageVisitor<T>,
): Promise<string> {
  const paged = { limit: pageSize, ...query };
  let first = true;
  const visitSome = (items: readonly T[]): void => {
    visit(items, first);
    first = false;
  };
  let token: string | undefined;
  while (true) {
    let page: PageEnd;
    try {
      // The token stands for the version too, and the server refuses both together.
      page = await fetchPage(token === undefined ? paged : { ...paged, ...latest, continue: token }, visitSome);
    } catch (error) {
      if (token === undefined || !isGone(error)) throw error;
      first = true;
      page = await fetchPage({ ...query, ...latest, limit: undefined }, visitSome);
    }
    // Also for a page without items: whoever has seen others before must hear that they do not count any more.
    visitSome([]);
    const { resourceVersion, continue: next } = page.metadata ?? {};
    if (resourceVersion === undefined) throw new Error(`GET ${path}: the answer is not a list`);
    if (!next) return resourceVersion;
    token = next;
  }
}

const latest = { resourceVersion: undefined, resourceVersionMatch: undefined };
