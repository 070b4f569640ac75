import { parseRecord } from './answers.ts';

/**
 * Bytes that are parsed together, at least: some tens of items, which are garbage before the next ones come. Of 27 MB read from
 * a file parts of 256 KB took 1.6 times as long, as all of them are alive when young garbage is collected.
 */
const bytesAtOnce = 32 * 1024;

/** The list's items begin, however they were written; within a string each quote has a backslash before it. */
const beginning = '"items":[';

/**
 * What an item begins with: its first key, and where that has a text, as custom resources their apiVersion, the key after
 * it, as what else is in such an item (owners, managed fields) begins with an apiVersion, too.
 */
const opening = /^\{"[^"\\]+":(?:"[^"\\]*","[^"\\]+":|(?=[^"]))/;

/** A list, or what is left of it, as JSON.parse finds it. */
type Parsed = Readonly<Record<string, unknown>>;

/**
 * Takes the JSON of a list apart while it arrives, so that nobody holds or parses it whole: an API server that answers from
 * its cache sends a collection in one piece, and parsing a hundred megabytes at once would keep everything else waiting.
 *
 * It is cut where the text says `},{"metadata":`, or what else the first item begins with. Such text is never within a
 * string, whose quotes have backslashes, and only what is a row of whole items can be parsed as one: what cannot is waited
 * out. So JavaScript looks at no byte of it, which by code that has hardly run when an agent starts took longer than parsing.
 *
 * A list in which nothing of that is found is parsed when all of it is there: one that is printed with spaces, for instance, as
 * no API server does unasked.
 */
export class ListParts {
  #pieces: Buffer[] = [];
  #size = 0;
  readonly #atOnce: number;
  /** Bytes at which it is looked for whole items. */
  #wanted: number;
  /** What the list says before its items; undefined until they begin. */
  #head: Parsed | undefined;
  /** What stands between two items. */
  #seam = '';

  /** @param atOnce bytes that are parsed together, at least */
  constructor(atOnce = bytesAtOnce) {
    this.#atOnce = this.#wanted = atOnce;
  }

  /** Those items that are whole with this chunk; often none. */
  push(chunk: Buffer): readonly unknown[] {
    this.#pieces.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#wanted) return [];
    const bytes = Buffer.concat(this.#pieces);
    const rest = this.#head ? bytes : this.#begin(bytes);
    const end = this.#head ? rest.lastIndexOf(this.#seam) : -1;
    const items = end === -1 ? undefined : parsed(`[${rest.toString('utf8', 0, end + 1)}]`);
    this.#keep(items ? rest.subarray(end + ',}'.length) : rest);
    // What is in vain is tried with twice as much: all tries in vain together look at no more than twice the list.
    this.#wanted = items ? this.#atOnce : 2 * this.#size;
    return Array.isArray(items) ? items : [];
  }

  /**
   * When all has come: the items that are left, and what the list says beside its items.
   *
   * @param parse @throws Error for what is no JSON: given the item at fault, as far as that can be told
   */
  end(parse: (text: string) => unknown): { items: readonly unknown[]; rest: Parsed } {
    const text = Buffer.concat(this.#pieces).toString();
    const whole = this.#head ? `{${beginning}${text}` : text;
    const list = parsed(whole) ?? parse(this.#faultIn(text) ?? whole) ?? {};
    const { items, rest } = withoutItems(list as Parsed);
    return { items: Array.isArray(items) ? items : [], rest: { ...this.#head, ...rest } };
  }

  /** What follows the head of the list, once that is there. */
  #begin(bytes: Buffer): Buffer {
    const at = bytes.indexOf(beginning);
    const head = at === -1 ? undefined : parseRecord(`${bytes.toString('utf8', 0, at)}${beginning}]}`);
    const rest = bytes.subarray(at + beginning.length);
    const [first] = opening.exec(rest.toString('latin1', 0, 200)) ?? [];
    if (head === undefined || first === undefined) return bytes;
    this.#head = withoutItems(head).rest;
    this.#seam = `},${first}`;
    return rest;
  }

  /** The first item that is none, with what follows if it is the last one; undefined if that cannot be told. */
  #faultIn(text: string): string | undefined {
    if (!this.#head) return undefined;
    const opened = this.#seam.slice('},'.length);
    const pieces = text.split(this.#seam);
    const items = pieces.map((piece, at) => `${at > 0 ? opened : ''}${piece}${at < pieces.length - 1 ? '}' : ''}`);
    return items.find((item) => parsed(item) === undefined);
  }

  #keep(rest: Buffer): void {
    this.#pieces = [rest];
    this.#size = rest.length;
  }
}

function withoutItems({ items, ...rest }: Parsed): { items: unknown; rest: Parsed } {
  return { items, rest };
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
