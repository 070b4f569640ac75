/** One thing that must hold for the operator to be ready. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** What /readyz looks at. */
export interface Readiness {
  check(): Promise<readonly Check[]>;
}

/** The part of Leadership that matters here. */
interface Leading {
  readonly leading: boolean;
  readonly term: { readonly synced: boolean } | undefined;
}

/**
 * Ready: the API server answers, and who leads has complete caches. A process that does not lead is ready as well: it
 * stands by.
 */
export class OperatorReadiness implements Readiness {
  readonly #ping: () => Promise<unknown>;
  readonly #leadership: Leading;

  constructor(ping: () => Promise<unknown>, leadership: Leading) {
    this.#ping = ping;
    this.#leadership = leadership;
  }

  async check(): Promise<readonly Check[]> {
    return [await this.#apiServer(), this.#caches()];
  }

  async #apiServer(): Promise<Check> {
    try {
      await this.#ping();
      return { name: 'api-server', ok: true, detail: 'answers' };
    } catch (error) {
      return { name: 'api-server', ok: false, detail: error instanceof Error ? error.message : String(error) };
    }
  }

  #caches(): Check {
    if (!this.#leadership.leading)
      return { name: 'caches', ok: true, detail: 'standing by, this process does not lead' };
    const ok = this.#leadership.term?.synced ?? false;
    return { name: 'caches', ok, detail: ok ? 'complete' : 'not complete yet' };
  }
}
