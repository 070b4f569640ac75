import { isGone } from './errors.ts';
import type { QueryParameters } from './paths.ts';

/** See {@link ApiClient.listPages}. */
export type PageVisitor<T> = (items: readonly T[], first: boolean) => void;

interface Page<T> {
  metadata?: { resourceVersion?: string; continue?: string };
  items?: T[] | null;
}

const pageSize = 500;

/**
 * Lists a collection in pages. When the server has forgotten the list's version between two pages (410), the collection
 * is fetched again in one piece, which cannot expire half-way.
 *
 * @param fetchPage does one request
 * @returns the resourceVersion of the list that the visitor saw last in full
 * @throws what `fetchPage` throws; Error for an answer without resourceVersion
 */
export async function listPages<T>(
  fetchPage: (query: QueryParameters) => Promise<Page<T>>,
  path: string,
  query: QueryParameters,
  visit: PageVisitor<T>,
): Promise<string> {
  let next: QueryParameters = { ...query, limit: pageSize };
  let first = true;
  while (true) {
    let page: Page<T>;
    try {
      page = await fetchPage(next);
    } catch (error) {
      if (first || !isGone(error)) throw error;
      page = await fetchPage({ ...query, resourceVersion: undefined, resourceVersionMatch: undefined });
      first = true;
    }
    visit(page.items ?? [], first);
    first = false;
    const { resourceVersion, continue: token } = page.metadata ?? {};
    if (resourceVersion === undefined) throw new Error(`GET ${path}: the answer is not a list`);
    if (!token) return resourceVersion;
    // The token stands for the version too, and the server refuses both together.
    next = { ...query, resourceVersion: undefined, resourceVersionMatch: undefined, limit: pageSize, continue: token };
  }
}
