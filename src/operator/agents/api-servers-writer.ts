import { Inject, Injectable } from '@nestjs/common';
import { canonicalJson, operatorFieldManager } from '../../api/index.ts';
import { resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { apiServerMapName, ClusterCache } from '../cluster/index.ts';
import type { ApiServerMap } from '../cluster/index.ts';
import { API_CLIENT, LOGGER, OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { apiServerMapFor } from './api-server-map.ts';

/** Keeps the ConfigMap that tells agents the way to the API server as it should be, also against changes by others. */
@Injectable(perTerm)
export class ApiServersWriter {
  readonly #client: ApiClient;
  readonly #cache: ClusterCache;
  readonly #options: OperatorOptions;
  readonly #log: Logger;
  /** What was applied last, and what version the ConfigMap, which has no generation, had after that. */
  #applied: { readonly text: string; readonly version: string | undefined } | undefined;

  constructor(
    @Inject(API_CLIENT) client: ApiClient,
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(OPERATOR_OPTIONS) options: OperatorOptions,
    @Inject(LOGGER) log: Logger,
  ) {
    this.#client = client;
    this.#cache = cache;
    this.#options = options;
    this.#log = log;
  }

  /** @throws ApiError, ConnectionError; Error while no API server is known */
  async apply(): Promise<void> {
    const { namespace, agentApiServers: given } = this.#options;
    const current = this.#cache.apiServerMap;
    const desired = apiServerMapFor(namespace, { given, found: this.#cache.apiServers, current });
    const text = canonicalJson(desired);
    const asApplied = current !== undefined && current.metadata.resourceVersion === this.#applied?.version;
    if (asApplied && text === this.#applied?.text) return;
    const path = resourcePath({ version: 'v1', plural: 'configmaps', namespace, name: apiServerMapName });
    const options = { fieldManager: operatorFieldManager, force: true };
    const { metadata, data } = await this.#client.apply<ApiServerMap>(path, desired, options);
    this.#applied = { text, version: metadata.resourceVersion };
    if (metadata.resourceVersion === current?.metadata.resourceVersion) return;
    this.#log.info('wrote where agents find the API server', {
      configMap: `${namespace}/${apiServerMapName}`,
      ...data,
    });
  }
}
