import { Inject, Injectable } from '@nestjs/common';
import { ClusterCache, isTold } from '../cluster/index.ts';
import { perTerm } from '../injection.ts';
import { Assignment } from './assignment.ts';
import { NodeStateWriter } from './node-state-writer.ts';
import { differs, nodeStateFor } from './node-state.ts';

/**
 * Keeps the spec of a node's ProxyNodeState: what the ProxyConfig says that governs the node.
 *
 * A node that no valid ProxyConfig governs keeps what it was told last, also when its agent restarts: taking Services
 * away from a node is nothing that should follow from a selector. Its ProxyNodeState says that it is uncovered. The
 * state of a Node that is gone is left to the garbage collector.
 */
@Injectable(perTerm)
export class NodeReconciler {
  readonly #cache: ClusterCache;
  readonly #assignment: Assignment;
  readonly #writer: NodeStateWriter;

  constructor(
    @Inject(ClusterCache) cache: ClusterCache,
    @Inject(Assignment) assignment: Assignment,
    @Inject(NodeStateWriter) writer: NodeStateWriter,
  ) {
    this.#cache = cache;
    this.#assignment = assignment;
    this.#writer = writer;
  }

  /** @throws ApiError, ConnectionError */
  async reconcile(name: string): Promise<undefined> {
    const { nodes, nodeStates } = this.#cache;
    const [node, state] = [nodes.get(name), nodeStates.get(name)];
    if (node === undefined) return;
    const governing = this.#assignment.winnerOf(node);
    if (isTold(state)) await this.#writer.reportCoverage(state, governing !== undefined);
    if (governing === undefined || governing.errors.length > 0) return;
    const desired = nodeStateFor(governing.config, node);
    if (differs(desired, state)) await this.#writer.tell(desired);
  }
}
