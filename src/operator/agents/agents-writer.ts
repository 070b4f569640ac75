import { Inject, Injectable } from '@nestjs/common';
import { isConflict, isNotFound, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { agentName } from '../cluster/index.ts';
import type { AgentDaemonSet, AgentPod, PodTemplate } from '../cluster/index.ts';
import { API_CLIENT, LOGGER, OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import type { OperatorOptions } from '../options.ts';
import { daemonSetFor } from './daemon-set.ts';
import { KeptObject } from './kept-object.ts';
import { revisionIn, templatesAnnotation } from './templates.ts';

/** Writes the agents' DaemonSet when it has to be, and has agents made anew. */
@Injectable(perTerm)
export class AgentsWriter {
  readonly #client: ApiClient;
  readonly #namespace: string;
  readonly #log: Logger;
  readonly #daemonSet: KeptObject<AgentDaemonSet>;

  constructor(
    @Inject(API_CLIENT) client: ApiClient,
    @Inject(OPERATOR_OPTIONS) { namespace }: OperatorOptions,
    @Inject(LOGGER) log: Logger,
  ) {
    this.#client = client;
    this.#namespace = namespace;
    this.#log = log;
    this.#daemonSet = new KeptObject({
      client,
      path: resourcePath({ group: 'apps', version: 'v1', plural: 'daemonsets', namespace, name: agentName }),
      // The annotation is no part of what a generation counts.
      versionOf: ({ metadata: { generation, annotations } }) =>
        [generation, annotations?.[templatesAnnotation]].join(' '),
    });
  }

  /**
   * Has the DaemonSet make agents from the template.
   *
   * @param templates value of the annotation that keeps templates
   * @param current the DaemonSet as it was seen last
   * @throws ApiError, ConnectionError
   */
  async apply(template: PodTemplate, templates: string, current: AgentDaemonSet | undefined): Promise<void> {
    const desired = daemonSetFor(this.#namespace, template, { [templatesAnnotation]: templates });
    const after = await this.#daemonSet.keep(desired, current);
    if (after === undefined || after.metadata.generation === current?.metadata.generation) return;
    this.#log.info('wrote the DaemonSet of the agents', {
      daemonSet: `${this.#namespace}/${agentName}`,
      agentRevision: revisionIn(template),
    });
  }

  /** Deletes an agent's Pod, so that the DaemonSet makes it anew. @throws ApiError, ConnectionError */
  async replace({ name, uid, node }: AgentPod, agentRevision: string): Promise<void> {
    const path = resourcePath({ version: 'v1', plural: 'pods', namespace: this.#namespace, name });
    try {
      await this.#client.delete(path, { preconditions: { uid } });
      this.#log.info('has an agent made anew', { node, pod: name, agentRevision });
    } catch (error) {
      // Somebody else was quicker; a Pod of that name that came since has another uid.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}
