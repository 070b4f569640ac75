import type { Changes, Fallback, RunningDataPlane } from '../../dataplane/index.ts';

/** Has Service ports tried again that slots serve for want of something that is there by now. */
export class FallbackRetry {
  readonly #dataPlane: RunningDataPlane;
  #recoverable: ReadonlySet<string> = new Set();

  constructor(dataPlane: RunningDataPlane) {
    this.#dataPlane = dataPlane;
  }

  /** If there are some of `those`, looks which of all could be served as asked for. False if there are none. */
  async look(those: (fallback: Fallback) => boolean): Promise<boolean> {
    const { current } = this.#dataPlane;
    if (!current || ![...current.fallbacks.values()].some(those)) return false;
    this.#recoverable = await current.recoverable();
    return this.#recoverable.size > 0;
  }

  /** `changes`, and those that were found, once, for which nothing newer is wanted. */
  retryWith(changes: Changes): Changes {
    const all = new Map(changes);
    for (const id of this.#recoverable) {
      const served = this.#dataPlane.current?.served.get(id);
      if (served && !all.has(id)) all.set(id, served);
    }
    this.#recoverable = new Set();
    return all;
  }
}
