import { HaproxyError } from '../../haproxy/index.ts';
import type { HaproxyInfo, HaproxyRuntime } from '../../haproxy/index.ts';
import type { LocalRanges } from '../local-ranges.ts';

/** Whether there is a HAProxy that can serve on this node. Changes nothing. */
export class Presence {
  readonly #runtime: HaproxyRuntime;
  readonly #ranges: LocalRanges;
  readonly #directory: string;
  #silent = false;

  /** @param o.directory that is shared with HAProxy, for people */
  constructor(o: { runtime: HaproxyRuntime; ranges: LocalRanges; directory: string }) {
    this.#runtime = o.runtime;
    this.#ranges = o.ranges;
    this.#directory = o.directory;
  }

  /** HAProxy listened when it was looked for last, and did not answer: who looks again waits. */
  get silent(): boolean {
    return this.#silent;
  }

  /** Says for people what is missing for it to serve, and what to do; undefined if nothing is. */
  async missing(): Promise<string | undefined> {
    const info = await this.look();
    if (typeof info === 'string') return info;
    const { version } = info;
    if (Number.parseInt(version, 10) < 3)
      return `HAProxy ${version} runs at ${this.#directory}; 3.0 or later is needed`;
    return this.#ranges.obstacle('the proxy');
  }

  /** Who answers; or for people, why nobody does. */
  async look(): Promise<HaproxyInfo | string> {
    try {
      const info = await this.#runtime.info();
      this.#silent = false;
      return info;
    } catch (error) {
      this.#silent = error instanceof HaproxyError && error.silent;
      return nobodyThere(error);
    }
  }
}

/** @throws the error, if it does not mean that there is no HAProxy, or no folder that is shared with one */
export function nobodyThere(error: unknown): string {
  if (!(error instanceof HaproxyError) && !(error instanceof Error && 'code' in error)) throw error;
  const what =
    error instanceof HaproxyError && error.silent ? 'HAProxy does not answer' : 'no HAProxy to tell what to do';
  return `${what}: ${error.message}`;
}
