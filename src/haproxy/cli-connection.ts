import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterOwnTime, answerMilliseconds, HaproxyError } from './cli-socket.ts';

/** What follows each answer in the interactive mode (management guide, 9.3). */
const prompt = '\n> ';

/**
 * A connection to a socket of HAProxy's that stays: its end says that the process which accepted it has ended, and as long as it
 * is there that process stays, also when another one has taken its place.
 */
export class CliConnection {
  readonly #socket: Socket;
  readonly #path: string;
  #ended: () => void = () => undefined;
  #received = '';
  #waiting: PromiseWithResolvers<string> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
    socket.setEncoding('utf8').on('data', (part: string) => this.#take(part));
    socket.once('close', () => this.#waiting?.reject(new Error('the connection has ended')));
    socket.once('close', () => this.#ended());
  }

  /** @throws HaproxyError if nobody answers there in time */
  static async open(path: string): Promise<CliConnection> {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
    } catch (error) {
      throw new HaproxyError(`HAProxy at ${path}: ${error instanceof Error ? error.message : String(error)}`, error);
    }
    // What failed is of no interest: that it is over is, and `close` follows.
    socket.on('error', () => undefined);
    const connection = new CliConnection(socket, path);
    try {
      await connection.ask('prompt');
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Has a listener called when the connection ends without `close`. It may also end because an answer did not come in time, so
   * whoever is told has to ask.
   */
  whenEnded(listener: () => void): void {
    this.#ended = listener;
    if (this.#socket.closed) queueMicrotask(listener);
  }

  /**
   * Asks one command after the other. Says what was answered, without white space at the end.
   * @throws HaproxyError if the connection has ended, or does because there was no answer in time
   */
  ask(command: string): Promise<string> {
    const answer = this.#last.then(() => this.#ask(command));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Ends it. */
  close(): void {
    this.#ended = () => undefined;
    this.#socket.destroy();
  }

  async #ask(command: string): Promise<string> {
    const waiting = (this.#waiting = Promise.withResolvers<string>());
    const cancel = afterOwnTime(answerMilliseconds, () => {
      waiting.reject(new Error(`no answer within ${answerMilliseconds / 1000} s`));
      // What it says later is no answer to the next question.
      this.#socket.destroy();
    });
    if (this.#socket.destroyed) waiting.reject(new Error('the connection has ended'));
    else this.#socket.write(`${command}\n`);
    try {
      return await waiting.promise;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new HaproxyError(`HAProxy at ${this.#path}, asked "${command}": ${reason}`, error);
    } finally {
      cancel();
      this.#waiting = undefined;
    }
  }

  #take(part: string): void {
    this.#received += part;
    if (!this.#received.endsWith(prompt)) return;
    this.#waiting?.resolve(this.#received.slice(0, -prompt.length).trimEnd());
    this.#received = '';
  }
}
