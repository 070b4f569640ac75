import { Inject, Injectable } from '@nestjs/common';
import { ClusterCache } from '../cluster/index.ts';
import { OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { agentTemplate } from './daemon-set.ts';
import type { RevisedTemplate } from './daemon-set.ts';

/** What this operator wants agents to be made from. */
@Injectable(perTerm)
export class AgentTemplate {
  readonly #cache: ClusterCache;
  readonly #options: OperatorOptions;

  constructor(@Inject(ClusterCache) cache: ClusterCache, @Inject(OPERATOR_OPTIONS) options: OperatorOptions) {
    this.#cache = cache;
    this.#options = options;
  }

  /** Undefined before the operator knows its own image. */
  current(): RevisedTemplate | undefined {
    const { logFormat } = this.#options;
    const image = this.#cache.agentImage;
    return image === undefined ? undefined : agentTemplate({ image, logFormat });
  }
}
