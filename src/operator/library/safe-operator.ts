import { createRequire } from 'node:module';
import { V1CustomResourceDefinitionVersion } from '@kubernetes/client-node';
import { ResourceEventType } from '@dot-i/k8s-operator';
import type library from '@dot-i/k8s-operator';
import type { ResourceEvent, ResourceMeta } from '@dot-i/k8s-operator';
import { operatorFieldManager } from '../../api/index.ts';
import { Reflector, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient, KubernetesObject, ReflectorStatistics } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { readCrd } from './read-crds.ts';

// The library is CommonJS with a default export, which Node and test runners import differently; require is the same.
const { default: Operator } = createRequire(import.meta.url)('@dot-i/k8s-operator') as typeof library;

/** What a ResourceMeta's id stands for. */
interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/**
 * `Operator` of @dot-i/k8s-operator 1.3.9 with everything replaced that ends the process, loses events or hides errors:
 *
 * - watches go through our Reflector (no `process.exit` when a connection breaks, deletions are never missed)
 * - handlers are called one after the other for a resource; their errors are logged, not swallowed
 * - writing status and finalizers throws when it fails; finalizers are not written over a change by others
 * - CRDs are read and not written by `registerCustomResourceDefinition`: see `installCrd`, which upgrades them, too
 * - `stop` stops, and nothing else
 *
 * What is left of the library: start -> init, the event types, and the state machine of `handleResourceFinalizer`.
 */
export abstract class SafeOperator extends Operator {
  readonly #client: ApiClient;
  readonly #log: Logger;
  readonly #resources = new Map<string, Resource>();
  readonly #kinds = new Map<string, string>();
  readonly #reflectors = new Map<string, Reflector>();
  #stopping: Promise<unknown> | undefined;

  constructor(client: ApiClient, log: Logger) {
    super(log);
    this.#client = client;
    this.#log = log;
  }

  /** Resolves when every watch has seen its first complete list. */
  async synced(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.synced));
  }

  /** Counters of each watch, by plural name. */
  watchStatistics(): ReadonlyMap<string, ReflectorStatistics> {
    return new Map([...this.#reflectors].map(([id, reflector]) => [id.split('.')[0] ?? id, reflector.statistics]));
  }

  override stop(): void {
    this.#stopping = Promise.all([...this.#reflectors.values()].map((reflector) => reflector.stop()));
  }

  /** Stops, and resolves when all watches have ended. */
  async shutdown(): Promise<void> {
    this.stop();
    await this.#stopping;
  }

  /** Learns what kind a CRD defines. Installing CRDs is not its business: they come and go while an operator runs. */
  protected override async registerCustomResourceDefinition(
    crdFile: string,
  ): Promise<{ group: string; versions: V1CustomResourceDefinitionVersion[]; plural: string }> {
    const { group, versions, names } = (await readCrd(crdFile)).spec;
    for (const { name } of versions) this.#kinds.set(idOf(group, name, names.plural), names.kind);
    const served = versions.map((each) => Object.assign(new V1CustomResourceDefinitionVersion(), each));
    return { group, versions: served, plural: names.plural };
  }

  protected override getCustomResourceApiUri(
    group: string,
    version: string,
    plural: string,
    namespace?: string,
  ): string {
    return this.#client.server + resourcePath({ group, version, plural, ...(namespace && { namespace }) });
  }

  /** Calls `onEvent` for every object there is, in all namespaces, and for every change from then on. Resolves at once. */
  protected override watchResource(
    group: string,
    version: string,
    plural: string,
    onEvent: (event: ResourceEvent) => Promise<void>,
  ): Promise<void> {
    // It may have been told to stop while it was still starting.
    if (this.#stopping !== undefined) return Promise.reject(new Error('the operator has been stopped'));
    const id = idOf(group, version, plural);
    this.#resources.set(id, { group, version, plural });
    const reflector = new Reflector({
      name: plural,
      client: this.#client,
      path: resourcePath({ group, version, plural }),
      handler: {
        changed: (_key, current, previous) => this.#deliver(id, current, previous, onEvent),
      },
      onError: (error, { retryInMilliseconds }) =>
        this.#log.warn('cannot follow the API server; trying again', {
          resource: plural,
          error,
          retryInMilliseconds,
        }),
    });
    this.#reflectors.set(id, reflector);
    reflector.start();
    return Promise.resolve();
  }

  /** Makes `status` the whole status as far as this operator wrote it (server-side apply). */
  protected override async setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
    const body = { apiVersion: meta.apiVersion, kind: meta.kind, metadata: { name: meta.name }, status };
    const path = this.#pathOf(meta, 'status');
    const options = { fieldManager: operatorFieldManager, force: true };
    return metaOf(meta.id, meta.kind, await this.#client.apply<KubernetesObject>(path, body, options));
  }

  /** JSON merge patch of the status. */
  protected override async patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
    const path = this.#pathOf(meta, 'status');
    return metaOf(meta.id, meta.kind, await this.#client.mergePatch<KubernetesObject>(path, { status }));
  }

  /** Fails with a conflict if the object has changed since `meta` was read: the list of finalizers is written whole. */
  protected override async setResourceFinalizers(meta: ResourceMeta, finalizers: string[]): Promise<void> {
    const metadata = { finalizers, resourceVersion: meta.resourceVersion };
    await this.#client.mergePatch(this.#pathOf(meta), { metadata });
  }

  #pathOf(meta: ResourceMeta, subresource?: string): string {
    const resource = this.#resources.get(meta.id);
    if (resource === undefined) throw new Error(`${meta.id} is not watched by this operator`);
    const { name, namespace } = meta;
    return resourcePath({ ...resource, name, ...(namespace && { namespace }), ...(subresource && { subresource }) });
  }

  #deliver(
    id: string,
    current: KubernetesObject | undefined,
    previous: KubernetesObject | undefined,
    onEvent: (event: ResourceEvent) => Promise<void>,
  ): void {
    const object = current ?? previous;
    if (object === undefined) return;
    const added = previous === undefined ? ResourceEventType.Added : ResourceEventType.Modified;
    const type = current === undefined ? ResourceEventType.Deleted : added;
    const meta = metaOf(id, object.kind ?? this.#kinds.get(id) ?? '', object);
    // Objects in a list come without apiVersion and kind.
    const full = { ...object, apiVersion: meta.apiVersion, kind: meta.kind };
    // Client-node's type of the same object has Date for times and class instances inside, which JSON does not have.
    onEvent({ meta, type, object: full as unknown as ResourceEvent['object'] }).catch((error: unknown) =>
      this.#log.error('an event could not be handled', {
        event: type,
        resource: id,
        name: meta.name,
        error,
      }),
    );
  }
}

function idOf(group: string, version: string, plural: string): string {
  return group === '' ? `${plural}.${version}` : `${plural}.${group}/${version}`;
}

function metaOf(id: string, kind: string, object: KubernetesObject): ResourceMeta {
  const { name, namespace, resourceVersion = '' } = object.metadata;
  const apiVersion = id.slice(id.indexOf('.') + 1);
  return { id, name, resourceVersion, apiVersion, kind, ...(namespace !== undefined && { namespace }) };
}
