import { Inject, Injectable } from '@nestjs/common';
import { ClusterCache } from '../cluster/index.ts';
import type { CheckedConfig, ClusterNode } from '../cluster/index.ts';
import { perTerm } from '../injection.ts';
import { divide } from './assign-nodes.ts';
import type { Division, Share } from './assign-nodes.ts';

interface Known {
  readonly edition: number;
  readonly shares: Division['shares'];
  /** Name of the config by name of the node. */
  readonly winners: ReadonlyMap<string, string>;
}

/** Who governs which nodes, by what the cache holds at the moment. */
@Injectable(perTerm)
export class Assignment {
  readonly #cache: ClusterCache;
  /** As of one edition of the cache: a thousand nodes ask for it after one change. */
  #known: Known | undefined;

  constructor(@Inject(ClusterCache) cache: ClusterCache) {
    this.#cache = cache;
  }

  /** The ProxyConfig that governs a node; undefined if none does. */
  winnerOf({ name }: ClusterNode): CheckedConfig | undefined {
    const winner = this.#current().winners.get(name);
    return winner === undefined ? undefined : this.#cache.configs.get(winner);
  }

  /** Undefined for a ProxyConfig that is gone or being deleted. */
  shareOf(config: string): Share | undefined {
    return this.#current().shares.get(config);
  }

  #current(): Known {
    const { edition, nodes, nodeStates, configs } = this.#cache;
    if (this.#known?.edition === edition) return this.#known;
    const { shares } = divide(configs.all(), nodes.values(), (node) => nodeStates.get(node)?.spec.configRef.name);
    const winners = new Map([...shares].flatMap(([name, { won }]) => won.map((node) => [node.name, name])));
    return (this.#known = { edition, shares, winners });
  }
}
