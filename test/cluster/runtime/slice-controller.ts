import { resourcePath } from '../../../src/kubernetes/index.ts';
import type { ApiClient } from '../../../src/kubernetes/index.ts';
import { desiredSlices, managedBy, sameContent } from './endpointslices.ts';
import { keyOf, matchesLabels } from './objects.ts';
import type { EndpointSlice, Node, Pod, Service } from './objects.ts';
import { WorkQueue } from './work-queue.ts';

export interface SliceEffects {
  client: ApiClient;
  service(key: string): Service | undefined;
  services(): Iterable<Service>;
  pods(): Pod[];
  nodes(): ReadonlyMap<string, Node>;
  slice(key: string): EndpointSlice | undefined;
  slices(): Iterable<EndpointSlice>;
  log: (line: string) => void;
}

/** Stands in for the EndpointSlice controller: keeps the slices of Services that have a selector. */
export class SliceController {
  readonly #effects: SliceEffects;
  readonly #queue: WorkQueue;
  /** What we wrote last, by slice: the watch may be behind. */
  readonly #written = new Map<string, EndpointSlice>();

  constructor(effects: SliceEffects) {
    this.#effects = effects;
    this.#queue = new WorkQueue(
      (key) => this.#reconcile(key),
      (key, error) => effects.log(`endpoints of ${key}: ${String(error)}`),
    );
  }

  serviceChanged(key: string): void {
    this.#queue.add(key);
  }

  podChanged(pod: Pod | undefined, before: Pod | undefined): void {
    const namespace = (pod ?? before)?.metadata.namespace;
    for (const service of this.#effects.services()) {
      if (service.metadata.namespace !== namespace) continue;
      const { selector } = service.spec;
      const concerned = [pod, before].some((candidate) => matchesLabels(selector, candidate?.metadata.labels));
      if (concerned) this.#queue.add(keyOf(service));
    }
  }

  /** A slice of ours that somebody deleted is made again. */
  sliceChanged(key: string): void {
    const written = this.#written.get(key);
    if (written === undefined || this.#effects.slice(key) !== undefined) return;
    this.#written.delete(key);
    const service = written.metadata.labels?.['kubernetes.io/service-name'] ?? '';
    this.#queue.add(`${written.metadata.namespace ?? ''}/${service}`);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#effects.service(key);
    const now = new Date().toISOString();
    const wanted =
      service === undefined ? [] : desiredSlices(service, this.#effects.pods(), this.#effects.nodes(), now);
    const wantedKeys = new Set(wanted.map(keyOf));
    for (const slice of wanted) await this.#write(slice);
    for (const slice of this.#ownSlicesOf(key)) if (!wantedKeys.has(keyOf(slice))) await this.#remove(slice);
  }

  #ownSlicesOf(serviceKey: string): EndpointSlice[] {
    return [...this.#effects.slices()].filter((slice) => {
      const labels = slice.metadata.labels ?? {};
      const service = `${slice.metadata.namespace ?? ''}/${labels['kubernetes.io/service-name'] ?? ''}`;
      return service === serviceKey && labels['endpointslice.kubernetes.io/managed-by'] === managedBy;
    });
  }

  async #write(slice: EndpointSlice): Promise<void> {
    const key = keyOf(slice);
    const present = this.#written.get(key) ?? this.#effects.slice(key);
    if (present !== undefined && sameContent(present, slice)) return;
    this.#written.set(key, slice);
    await this.#effects.client.apply(slicePath(slice), slice, {
      fieldManager: 'endpointslice-controller',
      force: true,
    });
  }

  async #remove(slice: EndpointSlice): Promise<void> {
    this.#written.delete(keyOf(slice));
    await this.#effects.client.delete(slicePath(slice));
  }
}

function slicePath(slice: EndpointSlice): string {
  const { namespace = 'default', name } = slice.metadata;
  return resourcePath({ group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', namespace, name });
}
