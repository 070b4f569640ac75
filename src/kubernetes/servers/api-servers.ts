import type { Clock } from '../../runtime/index.ts';
import type { Connection } from '../connection/index.ts';
import { byHealth, preferred } from './order.ts';
import type { ApiServer, ServerLists } from './order.ts';

/** What {@link ApiServers} are made from. */
export interface ApiServersOptions {
  /** The server that the connection names, and whether it comes first, or last: when nothing else is known. */
  readonly base: ApiServer & { readonly last: boolean };
  /** Who asks: different ones spread over the servers. */
  readonly seed: string;
  /** One of several servers has failed that had not before: another one is asked from now on. */
  readonly onFailure?: ((server: string, error: Error) => void) | undefined;
  readonly clock: Clock;
}

/** All API servers of the cluster that are known, and which of them is asked next. Starts with one. */
export class ApiServers {
  readonly #o: ApiServersOptions;
  readonly #failures = new Map<string, number>();
  #lists: ServerLists = { given: [], known: [], found: [] };
  #preferred: readonly ApiServer[];
  #working: string | undefined;

  /** Those of a cluster of which a connection is known. */
  static of({ server, firstContactOnly = false }: Connection, options: Omit<ApiServersOptions, 'base'>): ApiServers {
    const { origin, pathname } = new URL(server);
    const identity = firstContactOnly ? 'host-or-cluster' : 'host';
    const base = { url: origin + pathname.replace(/\/+$/, ''), identity, last: firstContactOnly } as const;
    return new ApiServers({ base, ...options });
  }

  constructor(options: ApiServersOptions) {
    this.#o = options;
    this.#preferred = preferred(options.base, this.#lists, options.seed);
  }

  /** Puts lists in the place of those before; those left out stay. Connections that are open stay, too. */
  use(lists: Partial<ServerLists>): void {
    this.#lists = { ...this.#lists, ...lists };
    this.#preferred = preferred(this.#o.base, this.#lists, this.#o.seed);
    const urls = this.all;
    for (const url of this.#failures.keys()) if (!urls.includes(url)) this.#failures.delete(url);
  }

  /** Base URLs of all servers, the preferred first. */
  get all(): string[] {
    return this.#preferred.map(({ url }) => url);
  }

  /** Base URL of the one that answered last; before that, of the one that is asked first. */
  get current(): string {
    const working = this.#preferred.find(({ url }) => url === this.#working);
    return (working ?? this.order()[0] ?? this.#o.base).url;
  }

  /** In which order they are to be tried; never empty. */
  order(): readonly ApiServer[] {
    return byHealth(this.#preferred, this.#failures, this.#o.clock.monotonic());
  }

  /** Whether nobody is asked after the server of this origin, so that it is worth waiting for. */
  isLastHope(origin: string): boolean {
    const last = this.order().at(-1);
    return last !== undefined && new URL(last.url).origin === origin;
  }

  /** How the server of this origin proves who it is; one that is not known any more by the strictest way. */
  identityOf(origin: string): ApiServer['identity'] {
    return this.#preferred.find(({ url }) => new URL(url).origin === origin)?.identity ?? 'cluster';
  }

  /** It has answered, whatever the answer. */
  worked(url: string): void {
    this.#failures.delete(url);
    this.#working = url;
  }

  /** It could not be reached, or did not answer in time. */
  failed(url: string, error: Error): void {
    const isNew = !this.#failures.has(url);
    this.#failures.set(url, this.#o.clock.monotonic());
    if (this.#working === url) this.#working = undefined;
    if (isNew && this.#preferred.length > 1) this.#o.onFailure?.(url, error);
  }
}
