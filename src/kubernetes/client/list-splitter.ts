const quote = 0x22;
const backslash = 0x5c;
const brace = { open: 0x7b, close: 0x7d };
const bracket = { open: 0x5b, close: 0x5d };
/** How deep one is within the braces of the list, the brackets of its items, and the braces of an item. */
const depths = { list: 1, items: 2, item: 3 };

/**
 * Cuts the JSON text of a list into its items while it arrives, so that nobody holds or parses it whole: an API server
 * that answers from its cache sends a collection in one piece, and parsing a hundred megabytes at once would keep
 * everything else waiting.
 *
 * It looks at structure only: what is no JSON becomes a text that cannot be parsed.
 */
export class ListSplitter {
  readonly #piece = new Piece();
  /** The list up to its items. */
  #head: string | undefined;
  #depth = 0;
  #inItems = false;
  #inString = false;
  #escaped = false;
  /** The string that was read last in the list itself: the key of what follows. */
  #key = '';
  #texts: string[] = [];

  /** The texts of the items that `chunk` completes. */
  push(chunk: Buffer): string[] {
    this.#texts = [];
    this.#piece.continueIn(chunk);
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (this.#inString) this.#readString(byte);
      else this.#readStructure(byte, at);
    }
    this.#piece.keepRest();
    return this.#texts;
  }

  /** When all has come: the text of the list without its items. What is no list is there as it came. */
  frame(): string {
    return (this.#head ?? '') + this.#piece.rest();
  }

  #readString(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === backslash) this.#escaped = true;
    else if (byte === quote) this.#inString = false;
    else if (this.#depth === depths.list) this.#key += String.fromCharCode(byte);
  }

  #readStructure(byte: number, at: number): void {
    if (byte === quote) {
      this.#inString = true;
      if (this.#depth === depths.list) this.#key = '';
    } else if (byte === brace.open || byte === bracket.open) this.#open(byte, at);
    else if (byte === brace.close || byte === bracket.close) this.#close(at);
  }

  #open(byte: number, at: number): void {
    this.#depth += 1;
    if (this.#inItems) {
      if (this.#depth === depths.item) this.#piece.begin(at);
    } else if (this.#depth === depths.items && byte === bracket.open && this.#key === 'items') {
      this.#inItems = true;
      this.#head = this.#piece.end(at + 1);
    }
  }

  #close(at: number): void {
    this.#depth -= 1;
    if (!this.#inItems) return;
    if (this.#depth === depths.items) this.#texts.push(this.#piece.end(at + 1));
    else if (this.#depth === depths.list) {
      this.#inItems = false;
      this.#piece.begin(at);
    }
  }
}

/** A run of bytes that may come in many chunks, and is copied once; from the first byte on there is one. */
class Piece {
  #chunk: Buffer = Buffer.alloc(0);
  /** Where the piece goes on in this chunk; undefined while there is none. */
  #from: number | undefined = 0;
  #before: Buffer[] = [];

  continueIn(chunk: Buffer): void {
    this.#chunk = chunk;
    if (this.#from !== undefined) this.#from = 0;
  }

  begin(at: number): void {
    this.#from = at;
  }

  end(at: number): string {
    const last = this.#chunk.subarray(this.#from ?? at, at);
    const before = this.#before;
    this.#before = [];
    this.#from = undefined;
    return before.length === 0 ? last.toString('utf8') : Buffer.concat([...before, last]).toString('utf8');
  }

  keepRest(): void {
    if (this.#from !== undefined) this.#before.push(this.#chunk.subarray(this.#from));
  }

  rest(): string {
    return this.#from === undefined ? '' : Buffer.concat(this.#before).toString('utf8');
  }
}
