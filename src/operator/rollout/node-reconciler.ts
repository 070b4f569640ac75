import { group, operatorFieldManager, proxyNodeStatePlural, version } from '../../api/index.ts';
import type { ProxyConfig } from '../../api/index.ts';
import { isConflict, isNotFound, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Share } from './assign-nodes.ts';
import type { CachedNodeState, ClusterCache, NodeInfo } from '../cluster/index.ts';
import type { OperatorLog } from '../log.ts';
import { differs, nodeStateFor } from './node-state.ts';
import type { ProxyConfigController } from '../library/index.ts';

/** What reconcilers look at. */
export interface View {
  readonly cache: Pick<ClusterCache, 'nodes' | 'states' | 'agents'>;
  readonly configs: Pick<ProxyConfigController, 'get' | 'writeStatus'>;
  /** The ProxyConfig that governs a node. */
  readonly winnerOf: (node: NodeInfo) => ProxyConfig | undefined;
  /** Undefined for a ProxyConfig that is gone or being deleted. */
  readonly shareOf: (config: string) => Share | undefined;
}

/**
 * Keeps the spec of a node's ProxyNodeState: what the ProxyConfig says that governs the node.
 *
 * A node that no ProxyConfig governs any more loses its ProxyNodeState; its agent then keeps the rules that it has,
 * because taking Services away from a node is nothing that should follow from a selector. While the governing config is
 * invalid the node keeps what it was told last. The state of a Node that is gone is left to the garbage collector.
 */
export class NodeReconciler {
  readonly #client: ApiClient;
  readonly #view: View;
  readonly #log: OperatorLog;

  constructor(client: ApiClient, view: View, log: OperatorLog) {
    this.#client = client;
    this.#view = view;
    this.#log = log;
  }

  /** @throws ApiError, ConnectionError */
  async reconcile(name: string): Promise<undefined> {
    const { cache, configs, winnerOf } = this.#view;
    const [node, state] = [cache.nodes.get(name), cache.states.get(name)];
    if (node === undefined) return;
    const winner = winnerOf(node);
    if (winner === undefined) {
      if (state !== undefined) await this.#remove(state);
      return;
    }
    const governing = configs.get(winner.metadata.name);
    if (governing === undefined || governing.errors.length > 0) return;
    const desired = nodeStateFor(governing.config, node);
    if (!differs(desired, state)) return;
    await this.#client.apply(pathOf(name), desired, { fieldManager: operatorFieldManager, force: true });
    this.#log.info(`node ${name} gets revision ${desired.spec.revision} of ${desired.spec.configRef.name}`);
  }

  async #remove(state: CachedNodeState): Promise<void> {
    const { name, uid } = state.metadata;
    try {
      await this.#client.delete(pathOf(name), uid === undefined ? {} : { preconditions: { uid } });
      this.#log.info(`no ProxyConfig governs node ${name} any more: its agent keeps what it has`);
    } catch (error) {
      // Gone already, or another object of the same name, which will have its turn.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}

function pathOf(name: string): string {
  return resourcePath({ group, version, plural: proxyNodeStatePlural, name });
}
