import {
  agentFieldManager,
  apiVersion,
  group,
  proxyNodeStateKind,
  proxyNodeStatePlural,
  version,
} from '../../src/api/index.ts';
import type { ProxyNodeState } from '../../src/api/index.ts';
import { ApiClient, Reflector, resourcePath, WorkQueue } from '../../src/kubernetes/index.ts';
import type { Connection } from '../../src/kubernetes/index.ts';

const path = (name?: string, subresource?: string): string =>
  resourcePath({
    group,
    version,
    plural: proxyNodeStatePlural,
    ...(name && { name }),
    ...(subresource && { subresource }),
  });

/** The agents of all nodes, as far as the operator sees them: each reports at once that it has what it was told. */
export class SimulatedAgents {
  readonly #client: ApiClient;
  readonly #reflector: Reflector<ProxyNodeState>;
  readonly #queue: WorkQueue;
  /** Reports written. */
  reports = 0;

  constructor(connection: Connection) {
    this.#client = new ApiClient(connection);
    this.#queue = new WorkQueue({ reconcile: (name) => this.#report(name), concurrency: 16, onDone: () => undefined });
    this.#reflector = new Reflector<ProxyNodeState>({
      ...{ name: proxyNodeStatePlural, client: this.#client, path: path() },
      transform: (raw) => raw as ProxyNodeState,
      handler: { changed: (name) => this.#queue.add(name) },
      onError: (error) => console.error(error),
    });
    this.#reflector.start();
  }

  states(): ProxyNodeState[] {
    return [...this.#reflector.values()];
  }

  async stop(): Promise<void> {
    await this.#reflector.stop();
    await this.#queue.stop();
    await this.#client.close();
  }

  async #report(name: string): Promise<undefined> {
    const state = this.#reflector.get(name);
    if (state === undefined || state.status?.appliedRevision === state.spec.revision) return;
    const { metadata, spec } = state;
    const [observedGeneration, lastTransitionTime] = [metadata.generation ?? 0, '2026-11-26T12:00:00Z'];
    const said = { observedGeneration, lastTransitionTime, message: 'the kernel holds every Service' };
    const status = {
      ...{ observedGeneration, appliedRevision: spec.revision, agentRevision: spec.agentRevision, mode: 'nftables' },
      ...{ services: 10_000, endpoints: 30_000, elements: 120_000, kernelVersion: '6.12.0', agentVersion: '0.1.0' },
      conditions: [
        { ...said, type: 'Synced', status: 'True', reason: 'UpToDate' },
        { ...said, type: 'Degraded', status: 'False', reason: 'AsExpected' },
      ],
    };
    const body = { apiVersion, kind: proxyNodeStateKind, metadata: { name }, status };
    await this.#client.apply(path(name, 'status'), body, { fieldManager: agentFieldManager, force: true });
    this.reports++;
  }
}
