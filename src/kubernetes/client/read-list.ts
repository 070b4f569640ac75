import { ListParts } from './list-parts.ts';
import type { PageEnd } from './paged-list.ts';

/** Items that are handed on before everything else has its turn. */
const atOnce = 500;

/** Where a list goes while it is read. */
export interface ListReader {
  /** @throws Error for what is no JSON */
  readonly parse: (text: string) => unknown;
  /** Told of items as they come, none twice. */
  readonly visit: (items: readonly unknown[]) => void;
  /** Lets everything else have its turn. */
  readonly yield: () => Promise<void>;
}

/**
 * Reads the answer to a list; items of a long one are handed on while the rest is on its way.
 *
 * @returns what the list says beside its items
 */
export async function readList(chunks: AsyncIterable<Buffer>, reader: ListReader): Promise<PageEnd> {
  const parts = new ListParts();
  for await (const chunk of chunks) {
    const items = parts.push(chunk);
    if (items.length === 0) continue;
    await handOn(items, reader);
    // Chunks may be at hand faster than anything else gets its turn.
    await reader.yield();
  }
  const { items, rest } = parts.end(reader.parse);
  await handOn(items, reader);
  return rest;
}

/** What is no object is left out. */
async function handOn(items: readonly unknown[], reader: ListReader): Promise<void> {
  const objects = items.filter((item) => typeof item === 'object' && item !== null);
  for (let at = 0; at < objects.length; at += atOnce) {
    if (at > 0) await reader.yield();
    reader.visit(objects.slice(at, at + atOnce));
  }
}
