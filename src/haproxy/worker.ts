import { CliConnection } from './cli-connection.ts';
import { readFields, readTable } from './cli-socket.ts';
import { latenciesCommand, readLatencies, sectionId } from './latency.ts';
import type { Latencies } from './latency.ts';
import { parseSectionName } from './section.ts';

/** Answers by the first digit of their status. */
export const answerClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
export type Answers = Readonly<Record<(typeof answerClasses)[number], number>>;

/** What a section of HTTP has answered since its worker was started. */
export interface SectionCounts {
  readonly answers: Answers;
  /** Undefined: it has passed on no answer yet. */
  readonly latencies: Latencies | undefined;
}

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
    const latencies = readLatencies(await this.#connection.ask(latenciesCommand));
    // Type 1: frontends.
    const rows = readTable(await this.#connection.ask('show stat -1 1 -1'), ',');
    const found = new Map<string, SectionCounts>();
    for (const row of rows) {
      const name = row.get('pxname') ?? '';
      const section = parseSectionName(name);
      if (!section || section.kind.protocol === 'tcp') continue;
      found.set(name, { answers: answersOf(row), latencies: latencies.get(sectionId(section)) });
    }
    return found;
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

/** {@link Worker.identity}, of what `show info` says. */
export function identityOf(field: (name: string) => string): string {
  return `${field('Pid')} ${field('Start_time_sec')}`;
}

function answersOf(row: ReadonlyMap<string, string>): Answers {
  const number = (name: string) => Number(row.get(name) ?? 0);
  return {
    ...{ '1xx': number('hrsp_1xx'), '2xx': number('hrsp_2xx'), '3xx': number('hrsp_3xx') },
    ...{ '4xx': number('hrsp_4xx'), '5xx': number('hrsp_5xx') },
  };
}
