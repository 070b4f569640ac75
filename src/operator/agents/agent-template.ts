import { Inject, Injectable } from '@nestjs/common';
import { ClusterCache } from '../cluster/index.ts';
import type { HostPort } from '../host-port.ts';
import { OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { chooseApiServer } from './choose-api-server.ts';
import { agentTemplate, apiServerOf } from './daemon-set.ts';
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

  /** Undefined while no API server is known that agents could use. */
  current(): RevisedTemplate | undefined {
    const { logFormat } = this.#options;
    const [image, apiServer] = [this.#cache.agentImage, this.#apiServer()];
    if (image === undefined || apiServer === undefined) return undefined;
    return agentTemplate({ image, logFormat, apiServer });
  }

  #apiServer(): HostPort | undefined {
    const inUse = apiServerOf(this.#cache.daemonSet?.spec?.template);
    return this.#options.agentApiServer ?? chooseApiServer(this.#cache.apiServers, inUse);
  }
}
