import { isNotFound, microTime, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient, KubernetesObject } from '../../kubernetes/index.ts';
import { Backoff, jittered, sleep } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';

/** As kubelets do it: renewed four times before it runs out. */
export const leaseSeconds = 40;
const renewSeconds = 10;
/** An attempt that fails must not cost the next ones their time. */
const requestSeconds = 10;
const retry = { first: 1000, atMost: renewSeconds * 1000 };

/** What a {@link NodeLease} is made from. */
export interface NodeLeaseOptions {
  readonly client: Pick<ApiClient, 'get' | 'create' | 'mergePatch'>;
  /** The operator's namespace. */
  readonly namespace: string;
  readonly nodeName: string;
  /** Why this agent cannot vouch for what its node's ProxyNodeState says; undefined if it can. */
  readonly doubt: () => string | undefined;
  /** Told of every renewal. */
  readonly renewed: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The agent's sign of life: a Lease (coordination.k8s.io/v1) of its node's name. By it the agent vouches for the status of
 * the node's ProxyNodeState, which is written on changes only: who neither follows the API server nor can report does not
 * renew it, even if the process runs. The Node owns the Lease, so that it goes with the Node.
 */
export class NodeLease {
  readonly #o: NodeLeaseOptions;
  readonly #path: { readonly group: string; readonly version: string; readonly plural: string; namespace: string };
  readonly #stopping = new AbortController();
  #renewedAt: number | undefined;
  #trouble: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: NodeLeaseOptions) {
    this.#o = options;
    this.#path = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespace: options.namespace };
  }

  /** How long the Lease holds; undefined before this process has renewed it once. */
  get seconds(): number | undefined {
    return this.#renewedAt === undefined ? undefined : leaseSeconds;
  }

  /** Whether it has been renewed and has not run out since. */
  get held(): boolean {
    return this.#renewedAt !== undefined && this.#o.clock.monotonic() - this.#renewedAt < leaseSeconds * 1000;
  }

  /** Begins; to be called once. */
  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  /** Ends the renewals. The Lease stays: an agent that is replaced has a successor within the time that it holds. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the agent stops'));
    await this.#running;
  }

  async #run(stopping: AbortSignal): Promise<void> {
    const backoff = new Backoff(retry);
    const { clock } = this.#o;
    while (!stopping.aborted) {
      const trouble = await this.#attempt(stopping);
      if (trouble === undefined) backoff.reset();
      this.#note(trouble);
      // Thousands of agents that were started together must not stay in step.
      await sleep(clock, trouble === undefined ? jittered(renewSeconds * 1000, 0.1) : backoff.next(), stopping);
    }
  }

  /** Why the Lease could not be renewed; undefined if it was. */
  async #attempt(signal: AbortSignal): Promise<string | Error | undefined> {
    const doubt = this.#o.doubt();
    if (doubt !== undefined) return doubt;
    const begun = this.#o.clock.monotonic();
    try {
      await this.#renew(signal);
    } catch (error) {
      return error instanceof Error ? error : String(error);
    }
    this.#renewedAt = begun;
    this.#o.renewed();
    return undefined;
  }

  /** A merge patch without a version: nobody else writes it, and it costs the API server less than to apply it. */
  async #renew(signal: AbortSignal): Promise<void> {
    const { client, nodeName } = this.#o;
    const renewTime = microTime(this.#o.clock.wall());
    const spec = { holderIdentity: nodeName, leaseDurationSeconds: leaseSeconds, renewTime };
    const request = { signal, timeoutSeconds: requestSeconds };
    try {
      await client.mergePatch(resourcePath({ ...this.#path, name: nodeName }), { spec }, request);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const node = await client.get<KubernetesObject>(
        resourcePath({ version: 'v1', plural: 'nodes', name: nodeName }),
        ...[{}, request],
      );
      await client.create(resourcePath(this.#path), this.#newLease(node.metadata.uid ?? '', spec), request);
    }
  }

  #newLease(uid: string, spec: object): object {
    const { namespace, nodeName: name } = this.#o;
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name, uid }];
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace, ownerReferences },
      spec,
    };
  }

  /** Says what has changed: the same trouble every few seconds is one line. */
  #note(trouble: string | Error | undefined): void {
    const text = trouble instanceof Error ? trouble.message : trouble;
    if (text === this.#trouble || this.#stopping.signal.aborted) return;
    this.#trouble = text;
    const lease = `${this.#o.namespace}/${this.#o.nodeName}`;
    if (trouble === undefined) this.#o.log.info('the Lease of this agent is renewed again', { lease });
    else if (trouble instanceof Error)
      this.#o.log.warn('cannot renew the Lease of this agent', { lease, error: trouble });
    else this.#o.log.warn('the Lease of this agent is not renewed', { lease, doubt: trouble });
  }
}
