import { Inject, Injectable } from '@nestjs/common';
import {
  apiVersion,
  group,
  operatorFieldManager,
  proxyNodeStateKind,
  proxyNodeStatePlural,
  version,
} from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';
import { isNotFound, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { API_CLIENT, CLOCK, LOGGER, perTerm } from '../injection.ts';
import { coverageConditions } from './coverage.ts';

const options = { fieldManager: operatorFieldManager, force: true };

/** Writes the operator's part of ProxyNodeStates by server-side apply: the spec, and one condition. */
@Injectable(perTerm)
export class NodeStateWriter {
  readonly #client: ApiClient;
  readonly #log: Logger;
  readonly #clock: Clock;

  constructor(@Inject(API_CLIENT) client: ApiClient, @Inject(LOGGER) log: Logger, @Inject(CLOCK) clock: Clock) {
    this.#client = client;
    this.#log = log;
    this.#clock = clock;
  }

  /** @throws ApiError, ConnectionError */
  async tell(desired: ProxyNodeState): Promise<void> {
    const { name } = desired.metadata;
    await this.#client.apply(pathOf(name), desired, options);
    const { configRef, revision } = desired.spec;
    this.#log.info('assigned', { node: name, config: configRef.name, revision });
  }

  /**
   * Has the state say that no ProxyConfig governs its node, or no more say so; writes nothing if it does already.
   *
   * @throws ApiError, ConnectionError
   */
  async reportCoverage(state: ProxyNodeState, covered: boolean): Promise<void> {
    const { name } = state.metadata;
    const conditions = coverageConditions(state, covered, new Date(this.#clock.wall()));
    if (conditions === undefined) return;
    const body = { apiVersion, kind: proxyNodeStateKind, metadata: { name }, status: { conditions } };
    try {
      await this.#client.apply(pathOf(name, 'status'), body, options);
    } catch (error) {
      // Gone with its Node meanwhile.
      if (isNotFound(error)) return;
      throw error;
    }
    if (covered) this.#log.info('a ProxyConfig governs this node again', { node: name });
    else this.#log.warn('no valid ProxyConfig governs this node; it keeps what it has', { node: name });
  }
}

function pathOf(name: string, subresource?: string): string {
  return resourcePath({ group, version, plural: proxyNodeStatePlural, name, ...(subresource && { subresource }) });
}
