import { Inject, Injectable } from '@nestjs/common';
import type { ApiClient } from '../../kubernetes/index.ts';
import { describeError } from '../../runtime/index.ts';
import { API_CLIENT } from '../injection.ts';
import { Leadership } from '../leadership/index.ts';

/** One thing that must hold for the operator to be ready. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const pingSeconds = 5;

/**
 * Ready: the API server answers, and who leads has complete caches. A process that does not lead is ready as well: it
 * stands by.
 */
@Injectable()
export class Readiness {
  readonly #client: ApiClient;
  readonly #leadership: Leadership;

  constructor(@Inject(API_CLIENT) client: ApiClient, @Inject(Leadership) leadership: Leadership) {
    this.#client = client;
    this.#leadership = leadership;
  }

  /** Asks now; takes no longer than a few seconds. */
  async check(): Promise<readonly Check[]> {
    return [await this.#apiServer(), this.#caches()];
  }

  async #apiServer(): Promise<Check> {
    try {
      await this.#client.get('/version', {}, { timeoutSeconds: pingSeconds });
      return { name: 'api-server', ok: true, detail: 'answers' };
    } catch (error) {
      return { name: 'api-server', ok: false, detail: describeError(error) };
    }
  }

  #caches(): Check {
    const { leading, term } = this.#leadership;
    if (!leading) return { name: 'caches', ok: true, detail: 'standing by, this process does not lead' };
    const ok = term?.synced ?? false;
    return { name: 'caches', ok, detail: ok ? 'complete' : 'not complete yet' };
  }
}
