import { Inject, Injectable } from '@nestjs/common';
import { canonicalJson, operatorFieldManager } from '../../api/index.ts';
import { resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { agentName, ClusterCache } from '../cluster/index.ts';
import type { AgentDaemonSet } from '../cluster/index.ts';
import type { HostPort } from '../host-port.ts';
import { API_CLIENT, LOGGER, OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { chooseApiServer } from './choose-api-server.ts';
import { apiServerOf, daemonSetFor } from './daemon-set.ts';

/** Keeps the agents' DaemonSet as `daemonSetFor` says, also against changes by others. */
@Injectable(perTerm)
export class AgentsReconciler {
  readonly #client: ApiClient;
  readonly #cache: ClusterCache;
  readonly #options: OperatorOptions;
  readonly #log: Logger;
  /** What was applied last, and the generation that the object had after that. */
  #applied: { readonly text: string; readonly generation: number | undefined } | undefined;

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
  async reconcile(): Promise<undefined> {
    const { namespace, image, logFormat } = this.#options;
    const current = this.#cache.daemonSet;
    const desired = daemonSetFor({ namespace, image, logFormat, apiServer: this.#apiServer(current) });
    const text = canonicalJson(desired);
    const asApplied = current !== undefined && current.metadata.generation === this.#applied?.generation;
    if (asApplied && text === this.#applied?.text) return;
    const path = resourcePath({ group: 'apps', version: 'v1', plural: 'daemonsets', namespace, name: agentName });
    const after = await this.#client.apply<AgentDaemonSet>(path, desired, {
      fieldManager: operatorFieldManager,
      force: true,
    });
    this.#applied = { text, generation: after.metadata.generation };
    if (after.metadata.generation !== current?.metadata.generation) {
      this.#log.info('wrote the DaemonSet of the agents', { daemonSet: `${namespace}/${agentName}`, image });
    }
  }

  #apiServer(current: AgentDaemonSet | undefined): HostPort {
    if (this.#options.agentApiServer !== undefined) return this.#options.agentApiServer;
    const chosen = chooseApiServer(this.#cache.apiServers, apiServerOf(current));
    if (chosen !== undefined) return chosen;
    throw new Error(
      'no EndpointSlice of the Service default/kubernetes names an API server that agents could use: ' +
        'say where it is with --agent-api-server',
    );
  }
}
