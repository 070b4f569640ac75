import { identityOf } from './answers.ts';
import { CliConnection } from './cli-connection.ts';
import { readFields } from './cli-socket.ts';
import { readCounts } from './counts.ts';
import type { SectionCounts } from './counts.ts';
import { latenciesCommand } from './latency.ts';

/** Where more is under way it is not looked what that is: it may be a great deal. */
const mostAsking = 8;

/** A process of HAProxy that serves, or did and still has connections. Followed, it does not end before `close`. */
export class Worker {
  readonly #connection: CliConnection;
  /** No other one of this machine has the same: process id, and when it was started, as ids of a container come again. */
  readonly identity: string;

  private constructor(connection: CliConnection, identity: string) {
    this.#connection = connection;
    this.identity = identity;
  }

  /** Follows the worker that answers at a socket. @throws HaproxyError */
  static async follow(path: string): Promise<Worker> {
    const connection = await CliConnection.open(path);
    return new Worker(connection, identityOf(readFields(await connection.ask('show info'))));
  }

  /** Has a listener called when it has ended, or may have: whoever is told has to ask. */
  whenEnded(listener: () => void): void {
    this.#connection.whenEnded(listener);
  }

  /** What each section of HTTP has answered, by its name. @throws HaproxyError */
  async counts(): Promise<Map<string, SectionCounts>> {
    const latencies = await this.#connection.ask(latenciesCommand);
    // Type 1: frontends.
    return readCounts({ latencies, frontends: await this.#connection.ask('show stat -1 1 -1') });
  }

  /**
   * Whether another one has taken its place and nothing is under way in it any more, but that somebody asks it something, or follows it.
   * @throws HaproxyError
   */
  async isDone(): Promise<boolean> {
    const field = readFields(await this.#connection.ask('show info'));
    const jobs = Number(field('Jobs')) - Number(field('Unstoppable Jobs'));
    if (field('Stopping') === '0' || jobs > mostAsking) return false;
    // One is the connection over which this is asked.
    return jobs <= 1 || jobs <= (await this.#asking());
  }

  /** How many connections there are to sockets such as this one. */
  async #asking(): Promise<number> {
    return [...(await this.#connection.ask('show sess')).matchAll(/ fe=GLOBAL /g)].length;
  }

  /** Follows it no more: it may end. */
  close(): void {
    this.#connection.close();
  }
}
