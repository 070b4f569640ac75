import { Backoff } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { toError } from '../client/index.ts';
import type { ApiClient, QueryParameters } from '../client/index.ts';
import { HistoryError, isEarlier } from './history-error.ts';

/** When the server is asked, after a watch was resumed; chance takes up to half of it off. Longer after each failure. */
const waits = { first: 10_000, atMost: 120_000 };

/** What is read of a list. */
interface ListHead {
  readonly metadata?: { readonly resourceVersion?: string };
}

interface ProbeOptions {
  readonly client: Pick<ApiClient, 'get'>;
  readonly path: string;
  readonly selectors: QueryParameters;
  /** The version that the watch was resumed from. */
  readonly version: string;
  /** Told once that the server is at this version or a later one. */
  readonly confirmed: () => void;
  /** Told once if the server turns out to be at an earlier version. */
  readonly wentBack: (error: HistoryError) => void;
  /** The server could not be asked; tried again then. */
  readonly failed: (error: Error, retryInMilliseconds: number) => void;
  readonly clock: Clock;
  readonly random: (() => number) | undefined;
}

/**
 * Asks a server whether it is still at the version from which a watch was resumed, or later. A server whose database was
 * put back accepts a watch from the future and says nothing until it has come there: no event, no bookmark, no error
 * (kube-apiserver 1.36). Where events flow, they are the proof and nobody asks; else it costs one object of a list.
 */
export class HistoryProbe {
  readonly #o: ProbeOptions;
  readonly #backoff: Backoff;
  readonly #over = new AbortController();
  #cancel: () => void;

  constructor(options: ProbeOptions) {
    this.#o = options;
    this.#backoff = new Backoff({ ...waits, ...(options.random && { random: options.random }) });
    this.#cancel = this.#later(this.#backoff.next());
  }

  /** Something newer was heard, or the watch has ended: there is nothing to ask any more. */
  end(): void {
    this.#cancel();
    this.#over.abort(new Error('nobody wants to know any more'));
  }

  #later(milliseconds: number): () => void {
    return this.#o.clock.after(milliseconds, () => void this.#ask());
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    const { client, path, selectors, version, failed } = this.#o;
    const { signal } = this.#over;
    try {
      const list = await client.get<ListHead>(path, { ...selectors, limit: 1 }, { signal });
      const current = list.metadata?.resourceVersion ?? '';
      if (signal.aborted) return;
      if (isEarlier(current, version)) this.#o.wentBack(new HistoryError(path, current, version));
      else this.#o.confirmed();
    } catch (error) {
      if (signal.aborted) return;
      const wait = this.#backoff.next();
      failed(toError(error), wait);
      this.#cancel = this.#later(wait);
    }
  }
}
