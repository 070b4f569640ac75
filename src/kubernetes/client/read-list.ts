import { ListSplitter } from './list-splitter.ts';
import type { PageEnd } from './paged-list.ts';

/** Bytes. Above any page of 500 Services or EndpointSlices that are not extraordinary, and parsed in some ten milliseconds. */
const small = 1024 * 1024;
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
 * Reads the answer to a list. A page of it is parsed as a whole: to cut it into items first, by code that has hardly run
 * when an agent starts, took a tenth of the processor time of a start with 1,000 Services. What is longer than a page is
 * cut, and its items are handed on while the rest is on its way.
 *
 * @returns what the list says beside its items
 */
export async function readList(chunks: AsyncIterable<Buffer>, reader: ListReader): Promise<PageEnd> {
  const pieces: Buffer[] = [];
  let size = 0;
  let splitter: ListSplitter | undefined;
  for await (const chunk of chunks) {
    if (!splitter) {
      pieces.push(chunk);
      size += chunk.length;
      if (size <= small) continue;
      splitter = new ListSplitter();
    }
    await handOn(splitter.push(pieces.length === 0 ? chunk : Buffer.concat(pieces.splice(0))), reader);
  }
  if (splitter) return reader.parse(splitter.frame()) as PageEnd;
  return whole(reader.parse(Buffer.concat(pieces).toString()), reader);
}

async function handOn(texts: readonly string[], reader: ListReader): Promise<void> {
  for (let at = 0; at < texts.length; at += atOnce) {
    reader.visit(texts.slice(at, at + atOnce).map(reader.parse));
    // Chunks may be at hand faster than anything else gets its turn.
    await reader.yield();
  }
}

/** What is no object is left out, as it is where a list is cut. */
async function whole(list: unknown, reader: ListReader): Promise<PageEnd> {
  const { items, ...rest } = (list ?? {}) as PageEnd & { readonly items?: unknown };
  const all = (Array.isArray(items) ? items : []).filter((item) => typeof item === 'object' && item !== null);
  for (let at = 0; at < all.length; at += atOnce) {
    if (at > 0) await reader.yield();
    reader.visit(all.slice(at, at + atOnce));
  }
  return rest;
}
