const newline = 0x0a;

/**
 * Cuts a byte stream into lines of text. Bytes of an unfinished line wait, unconverted, for the next chunk, so a large
 * object that arrives in many pieces is copied once.
 */
export class LineSplitter {
  #unfinished: Buffer[] = [];

  /** The lines that `chunk` completes, without their newline; empty lines are left out. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const line = this.#finish(chunk, start, end);
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.#unfinished.push(chunk.subarray(start));
    return lines;
  }

  /** What is left when the stream has ended: empty unless it ended in the middle of a line. */
  rest(): string {
    return this.#finish(Buffer.alloc(0), 0, 0);
  }

  #finish(chunk: Buffer, start: number, end: number): string {
    if (this.#unfinished.length === 0) return chunk.toString('utf8', start, end);
    const bytes = Buffer.concat([...this.#unfinished, chunk.subarray(start, end)]);
    this.#unfinished = [];
    return bytes.toString('utf8');
  }
}
