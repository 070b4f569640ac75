import { Inject, Injectable } from '@nestjs/common';
import { resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient, Lease } from '../../kubernetes/index.ts';
import { overviewOf, readObjects } from '../../overview/index.ts';
import type { Told } from '../../overview/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { API_CLIENT, CLOCK, OPERATOR_OPTIONS } from '../injection.ts';
import { leaseName, Leadership } from '../leadership/index.ts';
import type { OperatorOptions } from '../options.ts';

/** Who has no caches asks the API server; not more often than this, however many look. */
const keptMilliseconds = 15_000;

type WhatIsTold = Awaited<ReturnType<Told>>;

/**
 * What is shown: who leads takes it from its caches, which costs the API server nothing. Another one asks for it, and only
 * while somebody looks.
 */
@Injectable()
export class PageSource {
  readonly #leadership: Leadership;
  readonly #client: ApiClient;
  readonly #options: OperatorOptions;
  readonly #clock: Clock;
  #kept: { readonly told: Promise<WhatIsTold>; readonly until: number } | undefined;

  constructor(
    @Inject(Leadership) leadership: Leadership,
    @Inject(API_CLIENT) client: ApiClient,
    @Inject(OPERATOR_OPTIONS) options: OperatorOptions,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#leadership = leadership;
    this.#client = client;
    this.#options = options;
    this.#clock = clock;
  }

  /** @throws ApiError, ConnectionError of who does not lead */
  tell(): Promise<WhatIsTold> {
    const { identity } = this.#options;
    const { term } = this.#leadership;
    if (term?.synced === true) {
      const teller = { identity, leader: identity };
      return Promise.resolve({ overview: overviewOf(term.objects(), this.#now()), teller });
    }
    const now = this.#clock.monotonic();
    if (this.#kept === undefined || now >= this.#kept.until) {
      const kept = { told: this.#ask(), until: now + keptMilliseconds };
      this.#kept = kept;
      kept.told.catch(() => {
        // What failed is tried again by the next who looks.
        if (this.#kept === kept) this.#kept = undefined;
      });
    }
    return this.#kept.told;
  }

  async #ask(): Promise<WhatIsTold> {
    const [objects, leader] = await Promise.all([readObjects(this.#client, { resourceVersion: '0' }), this.#leader()]);
    return { overview: overviewOf(objects, this.#now()), teller: { identity: this.#options.identity, leader } };
  }

  /** By the Lease; without an election nobody but this process. */
  async #leader(): Promise<string | undefined> {
    const { namespace, leaderElect, identity } = this.#options;
    if (!leaderElect) return identity;
    const path = resourcePath({
      ...{ group: 'coordination.k8s.io', version: 'v1', plural: 'leases' },
      namespace,
      name: leaseName,
    });
    const { spec } = await this.#client.get<Lease>(path);
    return spec?.holderIdentity === '' ? undefined : (spec?.holderIdentity ?? undefined);
  }

  #now(): Date {
    return new Date(this.#clock.wall());
  }
}
