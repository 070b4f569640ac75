import { Inject, Injectable } from '@nestjs/common';
import { resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { apiServerMapName, ClusterCache } from '../cluster/index.ts';
import type { ApiServerMap } from '../cluster/index.ts';
import { API_CLIENT, LOGGER, OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { apiServerMapFor } from './api-server-map.ts';
import { KeptObject } from './kept-object.ts';

/** Keeps the ConfigMap that tells agents the way to the API server as it should be, also against changes by others. */
@Injectable(perTerm)
export class ApiServersWriter {
  readonly #cache: ClusterCache;
  readonly #options: OperatorOptions;
  readonly #log: Logger;
  readonly #map: KeptObject<ApiServerMap>;

  constructor(
    @Inject(API_CLIENT) client: ApiClient,
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(OPERATOR_OPTIONS) options: OperatorOptions,
    @Inject(LOGGER) log: Logger,
  ) {
    this.#cache = cache;
    this.#options = options;
    this.#log = log;
    const { namespace } = options;
    this.#map = new KeptObject({
      client,
      path: resourcePath({ version: 'v1', plural: 'configmaps', namespace, name: apiServerMapName }),
      // A ConfigMap has no generation.
      versionOf: ({ metadata }) => metadata.resourceVersion ?? '',
    });
  }

  /** @throws ApiError, ConnectionError; Error while no API server is known */
  async apply(): Promise<void> {
    const { namespace, agentApiServers: given } = this.#options;
    const current = this.#cache.apiServerMap;
    const desired = apiServerMapFor(namespace, { given, found: this.#cache.apiServers, current });
    const after = await this.#map.keep(desired, current);
    if (after === undefined) return;
    this.#log.info('wrote where agents find the API server', {
      configMap: `${namespace}/${apiServerMapName}`,
      ...after.data,
    });
  }
}
