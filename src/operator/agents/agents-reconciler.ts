import { canonicalJson, operatorFieldManager } from '../../api/index.ts';
import { resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import { apiServersIn, chooseApiServer } from './api-server-address.ts';
import type { HostPort } from './api-server-address.ts';
import type { ClusterCache } from '../cluster/index.ts';
import { agentName, apiServerOf, daemonSetFor } from './daemon-set.ts';
import type { RawDaemonSet } from './daemon-set.ts';
import type { OperatorLog } from '../log.ts';
import type { OperatorOptions } from '../options.ts';

/** Keeps the agents' DaemonSet as `daemonSetFor` says, also against changes by others. */
export class AgentsReconciler {
  readonly #client: ApiClient;
  readonly #cache: Pick<ClusterCache, 'daemonSet' | 'apiServerSlices'>;
  readonly #options: OperatorOptions;
  readonly #log: OperatorLog;
  /** What was applied last, and the generation that the object had after that. */
  #applied: { readonly text: string; readonly generation: number | undefined } | undefined;

  constructor(
    client: ApiClient,
    cache: Pick<ClusterCache, 'daemonSet' | 'apiServerSlices'>,
    options: OperatorOptions,
    log: OperatorLog,
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
    const after = await this.#client.apply<RawDaemonSet>(path, desired, {
      fieldManager: operatorFieldManager,
      force: true,
    });
    this.#applied = { text, generation: after.metadata.generation };
    if (after.metadata.generation !== current?.metadata.generation) {
      this.#log.info(`DaemonSet ${namespace}/${agentName} runs ${image}`);
    }
  }

  #apiServer(current: RawDaemonSet | undefined): HostPort {
    if (this.#options.agentApiServer !== undefined) return this.#options.agentApiServer;
    const found = apiServersIn(this.#cache.apiServerSlices);
    const chosen = chooseApiServer(found, apiServerOf(current));
    if (chosen !== undefined) return chosen;
    throw new Error(
      'no EndpointSlice of the Service default/kubernetes names an API server that agents could use: ' +
        'say where it is with --agent-api-server',
    );
  }
}
