import { Inject, Injectable } from '@nestjs/common';
import type { ProxyNodeStateSpec } from '../../api/index.ts';
import type { Again, ApiClient } from '../../kubernetes/index.ts';
import { ClusterCache, isTold, proxyConfigsSince } from '../cluster/index.ts';
import type { CheckedConfig } from '../cluster/index.ts';
import { API_CLIENT, perTerm } from '../injection.ts';
import { Assignments, awaitsCleanup, cleanupsOf } from '../rollout/index.ts';

/** How soon nodes are looked at again that wait for their turn: what they wait for is time, or a report. */
const again: Again = { afterSeconds: 5 };

/** Which nodes that nobody governs are cleaned up next. */
@Injectable(perTerm)
export class Cleanup {
  readonly #cache: ClusterCache;
  readonly #assignments: Assignments;
  readonly #client: ApiClient;

  constructor(
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(Assignments) assignments: Assignments,
    @Inject(API_CLIENT) client: ApiClient,
  ) {
    this.#cache = cache;
    this.#assignments = assignments;
    this.#client = client;
  }

  /** @throws ApiError, ConnectionError */
  async next(
    configs: readonly CheckedConfig[],
    names: readonly string[],
    now: Date,
  ): Promise<{ tell: ReadonlyMap<string, ProxyNodeStateSpec>; again?: Again }> {
    const uncovered = names.flatMap((name) => {
      const node = this.#cache.nodes.get(name);
      const state = node && this.#assignments.stateOf(node);
      return node !== undefined && isTold(state) ? [{ node, state }] : [];
    });
    if (!uncovered.some(({ state }) => awaitsCleanup(state))) return { tell: new Map() };
    // Asked each time, not cached: ProxyConfigs also go when somebody deletes their CRD, which says nothing about nodes.
    const kindSince = await proxyConfigsSince(this.#client);
    return { tell: cleanupsOf({ configs, uncovered, kindSince, now }), again };
  }
}
