import { Inject, Injectable } from '@nestjs/common';
import { ClusterCache, isTold } from '../cluster/index.ts';
import { perTerm } from '../injection.ts';
import { Assignments } from './assignments.ts';
import { NodeStateWriter } from './node-state-writer.ts';
import { differs } from './node-state.ts';

/**
 * Keeps a node's ProxyNodeState as it was decided, whoever changes it.
 *
 * A node that no valid ProxyConfig governs keeps what it was told last, also when its agent restarts: taking Services
 * away from a node is nothing that should follow from a selector. Its ProxyNodeState says that it is uncovered, and
 * when its agent is silent. The state of a Node that is gone is left to the garbage collector.
 */
@Injectable(perTerm)
export class NodeReconciler {
  readonly #cache: ClusterCache;
  readonly #assignments: Assignments;
  readonly #writer: NodeStateWriter;

  constructor(
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(Assignments) assignments: Assignments,
    @Inject(NodeStateWriter) writer: NodeStateWriter,
  ) {
    this.#cache = cache;
    this.#assignments = assignments;
    this.#writer = writer;
  }

  /** @throws ApiError, ConnectionError */
  async reconcile(name: string): Promise<undefined> {
    const node = this.#cache.nodes.get(name);
    const covered = this.#assignments.isCovered(name);
    if (node === undefined || covered === undefined) return;
    const [state, desired] = [this.#cache.nodeStates.get(name), this.#assignments.desiredOf(node)];
    if (isTold(state)) await this.#writer.report(state, { covered, silence: this.#cache.silenceOf(name) });
    if (desired !== undefined && differs(desired, state)) await this.#writer.tell(desired);
  }
}
