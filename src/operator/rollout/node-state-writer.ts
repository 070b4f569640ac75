import { Inject, Injectable } from '@nestjs/common';
import {
  apiVersion,
  conditionOf,
  group,
  operatorFieldManager,
  proxyNodeStateKind,
  proxyNodeStatePlural,
  version,
} from '../../api/index.ts';
import type { Condition, ProxyNodeState } from '../../api/index.ts';
import { isNotFound, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { API_CLIENT, CLOCK, LOGGER, perTerm } from '../injection.ts';
import { operatorConditions } from './operator-conditions.ts';
import type { Knowledge } from './operator-conditions.ts';

const options = { fieldManager: operatorFieldManager, force: true };

/** Writes the operator's part of ProxyNodeStates by server-side apply: the spec, and what agents cannot say. */
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
   * Has the state say what its agent cannot: that no ProxyConfig governs the node, that the agent is silent. Writes nothing
   * if it does already.
   *
   * @throws ApiError, ConnectionError
   */
  async report(state: ProxyNodeState, known: Omit<Knowledge, 'now'>): Promise<void> {
    const { name } = state.metadata;
    const conditions = operatorConditions(state, { ...known, now: new Date(this.#clock.wall()) });
    if (conditions === undefined) return;
    // The object changes by that, too; and it is the operator's as long as it says so in the agent's place.
    const lastChangeTime = conditionOf(conditions, 'Synced')?.lastTransitionTime;
    const status = { conditions, ...(lastChangeTime !== undefined && { lastChangeTime }) };
    const body = { apiVersion, kind: proxyNodeStateKind, metadata: { name }, status };
    try {
      await this.#client.apply(pathOf(name, 'status'), body, options);
    } catch (error) {
      // Gone with its Node meanwhile.
      if (isNotFound(error)) return;
      throw error;
    }
    this.#tellPeople(name, state.status?.conditions ?? [], conditions);
  }

  #tellPeople(node: string, before: readonly Condition[], now: readonly Condition[]): void {
    const [was, is] = [before, now].map((conditions) => conditionOf(conditions, 'Uncovered') !== undefined);
    if (is && !was) this.#log.warn('no valid ProxyConfig governs this node; it keeps what it has', { node });
    if (was && !is) this.#log.info('a ProxyConfig governs this node again', { node });
    const silent = conditionOf(now, 'Synced');
    if (silent !== undefined && conditionOf(before, 'Synced')?.reason !== silent.reason) {
      this.#log.warn('nothing is heard of the agent of this node', { node, reason: silent.reason });
    }
  }
}

function pathOf(name: string, subresource?: string): string {
  return resourcePath({ group, version, plural: proxyNodeStatePlural, name, ...(subresource && { subresource }) });
}
