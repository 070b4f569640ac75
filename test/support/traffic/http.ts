import { Agent, get as httpGet } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpAnswer, LoadResult } from './protocol.ts';

/** HTTP GET over a connection of its own. */
export function get(url: string, timeoutMilliseconds: number): Promise<HttpAnswer> {
  return getBy(false, url, timeoutMilliseconds);
}

function getBy(agent: Agent | false, url: string, timeoutMilliseconds: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpGet(url, { agent, timeout: timeoutMilliseconds }, (response) => {
      const { statusCode: status = 0, headers } = response;
      const answer = (body: string): HttpAnswer => ({ status, headers: headers as Record<string, string>, body });
      text(response).then((body) => resolve(answer(body)), reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMilliseconds / 1000} s`)));
    outgoing.on('error', reject);
  });
}

/** So many requests, eight at a time. */
export async function load(url: string, count: number): Promise<LoadResult> {
  const run = new Load(url, count);
  await run.lanes(8, 0);
  return run.result();
}

/** So many requests, one after the other, all over one connection. */
export async function loadOneConnection(url: string, count: number): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const run = new Load(url, count, agent);
  await run.lanes(1, 0);
  agent.destroy();
  return run.result();
}

let endless: { readonly run: Load; readonly done: Promise<void> } | undefined;

/** Requests without end, about 100 a second. */
export function beginLoad(url: string): Promise<void> {
  const run = new Load(url, Infinity);
  endless = { run, done: run.lanes(4, 40) };
  return Promise.resolve();
}

/** Ends them, and tells what came of them. */
export async function endLoad(): Promise<LoadResult> {
  if (!endless) throw new Error('there are no requests to end');
  endless.run.stop();
  await endless.done;
  return endless.run.result();
}

class Load {
  readonly #url: string;
  readonly #answers: Record<string, number> = {};
  readonly #failures: string[] = [];
  #left: number;
  #requests = 0;

  readonly #agent: Agent | false;

  constructor(url: string, count: number, agent: Agent | false = false) {
    this.#agent = agent;
    this.#url = url;
    this.#left = count;
  }

  async lanes(count: number, pauseMilliseconds: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#lane(pauseMilliseconds)));
  }

  stop(): void {
    this.#left = 0;
  }

  result(): LoadResult {
    return { requests: this.#requests, answers: this.#answers, failures: this.#failures };
  }

  async #lane(pauseMilliseconds: number): Promise<void> {
    while (this.#left-- > 0) {
      this.#requests += 1;
      await this.#one();
      if (pauseMilliseconds > 0) await sleep(pauseMilliseconds);
    }
  }

  async #one(): Promise<void> {
    const at = new Date();
    try {
      const { pod } = JSON.parse((await getBy(this.#agent, this.#url, 5000)).body) as { pod: string };
      this.#answers[pod] = (this.#answers[pod] ?? 0) + 1;
    } catch (error) {
      this.#failures.push(`${at.toISOString()} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
