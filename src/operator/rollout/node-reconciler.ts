import { Inject, Injectable } from '@nestjs/common';
import { group, operatorFieldManager, proxyNodeStatePlural, version } from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';
import { isConflict, isNotFound, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { ClusterCache } from '../cluster/index.ts';
import { API_CLIENT, LOGGER, perTerm } from '../injection.ts';
import { Assignment } from './assignment.ts';
import { differs, nodeStateFor } from './node-state.ts';

/**
 * Keeps the spec of a node's ProxyNodeState: what the ProxyConfig says that governs the node.
 *
 * A node that no ProxyConfig governs any more loses its ProxyNodeState; its agent then keeps the rules that it has,
 * because taking Services away from a node is nothing that should follow from a selector. While the governing config is
 * invalid the node keeps what it was told last. The state of a Node that is gone is left to the garbage collector.
 */
@Injectable(perTerm)
export class NodeReconciler {
  readonly #client: ApiClient;
  readonly #cache: ClusterCache;
  readonly #assignment: Assignment;
  readonly #log: Logger;

  constructor(
    @Inject(API_CLIENT) client: ApiClient,
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(Assignment) assignment: Assignment,
    @Inject(LOGGER) log: Logger,
  ) {
    this.#client = client;
    this.#cache = cache;
    this.#assignment = assignment;
    this.#log = log;
  }

  /** @throws ApiError, ConnectionError */
  async reconcile(name: string): Promise<undefined> {
    const { configs, nodes, nodeStates } = this.#cache;
    const [node, state] = [nodes.get(name), nodeStates.get(name)];
    if (node === undefined) return;
    const winner = this.#assignment.winnerOf(node);
    if (winner === undefined) {
      if (state !== undefined) await this.#remove(state);
      return;
    }
    const governing = configs.get(winner.metadata.name);
    if (governing === undefined || governing.errors.length > 0) return;
    const desired = nodeStateFor(governing.config, node);
    if (!differs(desired, state)) return;
    await this.#client.apply(pathOf(name), desired, { fieldManager: operatorFieldManager, force: true });
    const { configRef, revision } = desired.spec;
    this.#log.info('assigned', { node: name, config: configRef.name, revision });
  }

  async #remove(state: ProxyNodeState): Promise<void> {
    const { name, uid } = state.metadata;
    try {
      await this.#client.delete(pathOf(name), uid === undefined ? {} : { preconditions: { uid } });
      this.#log.info('no ProxyConfig governs this node any more; its agent keeps what it has', { node: name });
    } catch (error) {
      // Gone already, or another object of the same name, which will have its turn.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}

function pathOf(name: string): string {
  return resourcePath({ group, version, plural: proxyNodeStatePlural, name });
}
