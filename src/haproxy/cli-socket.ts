import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** HAProxy did not do what it was told, or did not answer; the message has the command and what came of it. */
export class HaproxyError extends Error {
  override readonly name = 'HaproxyError';
  /** Nobody listened: it has not been told anything. */
  readonly refused: boolean;
  /** Somebody listened and did not answer: nobody knows what it has done. */
  readonly silent: boolean;

  constructor(message: string, cause?: unknown) {
    super(message);
    // A process that ends in an orderly way takes its socket away.
    this.refused = cause instanceof Error && 'code' in cause && ['ECONNREFUSED', 'ENOENT'].includes(String(cause.code));
    this.silent = cause !== undefined && !this.refused;
  }
}

/** How long an answer is waited for: it comes within milliseconds, that to a reload within a second or so. */
export const answerMilliseconds = 3000;
export const reloadMilliseconds = 30_000;
const tickMilliseconds = 100;

/** How long somebody waits for an answer, and what ends that sooner. */
export interface Patience {
  /** {@link answerMilliseconds} if left out. */
  readonly milliseconds?: number;
  readonly signal?: AbortSignal;
}

/**
 * Calls a listener when so much time has passed in which this process could run: where it is itself kept from running, an answer may
 * be there that it has not come to read.
 *
 * @returns cancels that
 */
export function afterOwnTime(milliseconds: number, late: () => void): () => void {
  let ticks = Math.ceil(milliseconds / tickMilliseconds);
  let last: NodeJS.Immediate | undefined;
  // Ticks that a process misses are not made up for.
  const timer = setInterval(() => {
    ticks -= 1;
    if (ticks > 0) return;
    clearInterval(timer);
    // What has arrived is read first.
    last = setImmediate(late);
  }, tickMilliseconds);
  return () => {
    clearInterval(timer);
    clearImmediate(last);
  };
}

/**
 * Asks one command on a socket of HAProxy's, and says what it answered without white space at the end.
 * @throws HaproxyError if nobody answers there in time
 */
export async function askSocket(path: string, command: string, patience: Patience = {}): Promise<string> {
  const socket = connect(path);
  const { milliseconds = answerMilliseconds, signal } = patience;
  const giveUp = (): void => {
    socket.destroy(new Error('it is silent'));
  };
  const cancel = afterOwnTime(milliseconds, () =>
    socket.destroy(new Error(`no answer within ${milliseconds / 1000} s`)),
  );
  signal?.addEventListener('abort', giveUp);
  if (signal?.aborted) giveUp();
  try {
    await once(socket, 'connect');
    socket.write(`${command}\n`);
    return (await text(socket)).trimEnd();
  } catch (error) {
    throw new HaproxyError(
      `HAProxy at ${path}, asked "${command}": ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  } finally {
    socket.destroy();
    cancel();
    signal?.removeEventListener('abort', giveUp);
  }
}

/** Rows of a table that HAProxy prints: a line `# name name ...` and a line for each row, with the same separator. */
export function readTable(answer: string, separator: string): Map<string, string>[] {
  const lines = answer.split('\n');
  const header = lines.findIndex((line) => line.startsWith('# '));
  const names = lines[header]?.slice(2).split(separator) ?? [];
  return lines
    .slice(header + 1)
    .filter((line) => line !== '')
    .map((line) => {
      const values = line.split(separator);
      return new Map(names.map((name, at) => [name, values[at] ?? '']));
    });
}

/** A count in such a row; 0 where there is none: one that makes no sense would stay in every total. */
export function numberIn(row: ReadonlyMap<string, string>, name: string): number {
  const text = row.get(name) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** What HAProxy prints as lines `name: value`; of what is not there the value is empty. */
export function readFields(answer: string): (name: string) => string {
  const fields = new Map(
    answer.split('\n').map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]),
  );
  return (name) => fields.get(name) ?? '';
}
