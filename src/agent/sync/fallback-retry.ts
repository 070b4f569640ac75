import type { Changes, Fallback, RunningDataPlane } from '../../dataplane/index.ts';

/**
 * Has Service ports tried again that slots serve for want of something that is there by now, or that something served which
 * has ended.
 */
export class FallbackRetry {
  readonly #dataPlane: RunningDataPlane;
  #recoverable: ReadonlySet<string> = new Set();

  constructor(dataPlane: RunningDataPlane) {
    this.#dataPlane = dataPlane;
  }

  /**
   * Looks which are to be tried again. False if there are none.
   * @param those only if there are fallbacks like these; left out: in any case
   */
  async look(those?: (fallback: Fallback) => boolean): Promise<boolean> {
    const { current } = this.#dataPlane;
    if (!current || (those && ![...current.fallbacks.values()].some(those))) return false;
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
