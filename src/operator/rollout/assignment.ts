import { Inject, Injectable } from '@nestjs/common';
import type { ProxyConfig } from '../../api/index.ts';
import { ClusterCache } from '../cluster/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { perTerm } from '../injection.ts';
import { sharesOf, winnerOf } from './assign-nodes.ts';
import type { Share } from './assign-nodes.ts';

/** Who governs which nodes, by what the cache holds at the moment. */
@Injectable(perTerm)
export class Assignment {
  readonly #cache: ClusterCache;
  /** The shares of all, as of one edition of the cache: a thousand nodes ask for them after one change. */
  #shares: { readonly edition: number; readonly of: ReadonlyMap<string, Share> } | undefined;

  constructor(@Inject(ClusterCache) cache: ClusterCache) {
    this.#cache = cache;
  }

  /** The ProxyConfig that governs a node; undefined if none selects it. */
  winnerOf(node: ClusterNode): ProxyConfig | undefined {
    return winnerOf(this.#configs(), node);
  }

  /** Undefined for a ProxyConfig that is gone or being deleted. */
  shareOf(config: string): Share | undefined {
    const { edition, nodes } = this.#cache;
    if (this.#shares?.edition !== edition) {
      this.#shares = { edition, of: sharesOf(this.#configs(), nodes.values()) };
    }
    return this.#shares.of.get(config);
  }

  #configs(): ProxyConfig[] {
    return this.#cache.configs.all().map(({ config }) => config);
  }
}
