import type { Applied, DesiredPort, KernelTable, NodeSettings, Quarantined } from '../../dataplane/index.ts';
import type { Element } from '../../nftables/index.ts';
import { ForwardingState } from '../../services/index.ts';
import type { Change, EndpointSliceObject, ServiceObject, ServicePort } from '../../services/index.ts';
import { nodeSettings } from '../sources/index.ts';
import type { AssignedConfig, NodeState } from '../sources/index.ts';

/** What a sync did, for metrics, conntrack and status. */
export interface SyncResult {
  /** The whole table was read and compared, not only changes written. */
  readonly full: boolean;
  readonly applied: Applied;
  /** Service ports that changed: what the kernel held before, and what it holds now. */
  readonly changes: readonly { readonly before: ServicePort | undefined; readonly after: ServicePort | undefined }[];
  /** Frontends of an earlier run that are nobody's any more (elements of service_ports and node_ports). */
  readonly removedFrontends: readonly Element[];
  /** Trigger times (milliseconds since the epoch) of the endpoint changes that this sync brought to the kernel. */
  readonly triggerTimes: readonly number[];
}

/** When the endpoint change happened that a slice carries (set by the EndpointSlice controller). */
const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

/**
 * From objects to the kernel: keeps the forwarding state, collects what changed, and writes it when `run` is called
 * (by a pacer, never twice at once).
 *
 * ```
 *  service() endpointSlice()          configure() node() serviceCIDRs()
 *        |  one Service port recomputed        |
 *        v                                     v
 *     pending changes                    node settings
 *        '------------------+------------------'
 *                           v  run()
 *        first time or after a surprise: start (whole table compared)
 *        otherwise: apply (only the elements that changed)
 * ```
 */
export class Sync {
  readonly #kernel: KernelTable;
  readonly #nodeName: string;
  #forwarding: ForwardingState | undefined;
  #config: AssignedConfig | undefined;
  #node: NodeState | undefined;
  #serviceCIDRs: readonly string[] = [];
  #ready = false;
  #started = false;
  #suspicious = false;
  #appliedSettings: string | undefined;
  #appliedRevision: string | undefined;
  #pending = new Map<string, DesiredPort | undefined>();
  #triggerTimes: number[] = [];
  readonly #services = new Map<string, ServiceObject>();
  readonly #slices = new Map<string, EndpointSliceObject>();
  /** Service ports that balance by least connections. */
  readonly #loadBalanced = new Map<string, ServicePort>();
  /** Weights that follow the load, by Service port; see least-connections.ts. */
  readonly #weights = new Map<string, ReadonlyMap<string, number>>();

  constructor(kernel: KernelTable, nodeName: string) {
    this.#kernel = kernel;
    this.#nodeName = nodeName;
  }

  /** The forwarding state; undefined until a configuration is known. */
  get forwarding(): ForwardingState | undefined {
    return this.#forwarding;
  }

  get config(): AssignedConfig | undefined {
    return this.#config;
  }

  get node(): NodeState | undefined {
    return this.#node;
  }

  /** Revision of the configuration that the kernel has. */
  get appliedRevision(): string | undefined {
    return this.#appliedRevision;
  }

  /** How many changes of Service ports wait for the next run. */
  get pendingChanges(): number {
    return this.#pending.size;
  }

  /** True once everything is known that the first write needs. */
  get runnable(): boolean {
    return this.#ready && this.#config !== undefined;
  }

  /** Services, EndpointSlices and the Node have been listed: from now on `run` writes. */
  sourcesSynced(): void {
    this.#ready = true;
  }

  service(key: string, service: ServiceObject | undefined): Change | undefined {
    if (this.#forwarding) return this.#changed(this.#forwarding.applyService(key, service));
    setOrDelete(this.#services, key, service);
    return undefined;
  }

  endpointSlice(key: string, slice: EndpointSliceObject | undefined): Change | undefined {
    const trigger = slice?.metadata?.annotations?.[triggerTimeAnnotation];
    const time = trigger === undefined ? Number.NaN : Date.parse(trigger);
    if (!Number.isNaN(time)) this.#triggerTimes.push(time);
    if (this.#forwarding) return this.#changed(this.#forwarding.applyEndpointSlice(key, slice));
    setOrDelete(this.#slices, key, slice);
    return undefined;
  }

  setNode(node: NodeState | undefined): Change | undefined {
    this.#node = node;
    return this.#forwarding && this.#changed(this.#forwarding.setNode(node));
  }

  setServiceCIDRs(cidrs: readonly string[]): void {
    this.#serviceCIDRs = cidrs;
  }

  configure(config: AssignedConfig): void {
    this.#config = config;
    const { algorithm, maglev } = config.config.loadBalancing;
    const settings = { defaultAlgorithm: algorithm, maglevTableSize: maglev.tableSize, nodeName: this.#nodeName };
    if (this.#forwarding) {
      this.#changed(this.#forwarding.setConfig(settings));
      return;
    }
    this.#forwarding = new ForwardingState(settings);
    this.#forwarding.setNode(this.#node);
    for (const [key, service] of this.#services) this.#changed(this.#forwarding.applyService(key, service));
    for (const [key, slice] of this.#slices) this.#changed(this.#forwarding.applyEndpointSlice(key, slice));
    this.#services.clear();
    this.#slices.clear();
  }

  /** Service ports that balance by least connections. */
  get loadBalanced(): Iterable<ServicePort> {
    return this.#loadBalanced.values();
  }

  /** New load weights for some Service ports; undefined forgets them. */
  setWeights(weights: ReadonlyMap<string, ReadonlyMap<string, number> | undefined>): void {
    for (const [id, byEndpoint] of weights) {
      setOrDelete(this.#weights, id, byEndpoint);
      const port = this.#forwarding?.get(id);
      if (port) this.#pending.set(id, this.#desired(port));
    }
  }

  /** Tries Service ports again that the kernel refused, unless something newer is pending for them. */
  retry(refused: Iterable<Quarantined>): void {
    for (const { id, desired } of refused) if (!this.#pending.has(id)) this.#pending.set(id, desired);
  }

  /** The next run compares the whole table: after a foreign commit, or when somebody asks. */
  suspect(): void {
    this.#suspicious = true;
  }

  /**
   * Brings the kernel to the present state. On failure everything stays pending, and the next run compares the whole
   * table, as the kernel's state is then not surely known.
   */
  async run(): Promise<SyncResult> {
    if (!this.#forwarding || !this.#config || !this.#ready) throw new Error('sync asked for before it can run');
    const settings = nodeSettings(this.#config.config, this.#node, this.#serviceCIDRs);
    const { revision } = this.#config;
    const triggerTimes = this.#triggerTimes;
    this.#triggerTimes = [];
    try {
      const result = await (this.#started && !this.#suspicious ? this.#incremental(settings) : this.#full(settings));
      this.#appliedRevision = revision;
      return { ...result, triggerTimes };
    } catch (error) {
      this.#suspicious = true;
      this.#triggerTimes.push(...triggerTimes);
      throw error;
    }
  }

  async #full(settings: NodeSettings): Promise<Omit<SyncResult, 'triggerTimes'>> {
    const before = new Map([...this.#kernel.state.ports()].map(({ port }) => [port.id, port]));
    const ports = new Map<string, DesiredPort>();
    for (const port of this.#forwarding?.values() ?? []) ports.set(port.id, this.#desired(port));
    this.#pending = new Map();
    const applied = await this.#kernel.start(ports, settings);
    this.#started = true;
    this.#suspicious = false;
    this.#appliedSettings = JSON.stringify(settings);
    const ids = new Set([...before.keys(), ...ports.keys()]);
    const changes = [...ids].map((id) => ({ before: before.get(id), after: ports.get(id)?.port }));
    return { full: true, applied, changes, removedFrontends: this.#kernel.removedFrontends };
  }

  async #incremental(settings: NodeSettings): Promise<Omit<SyncResult, 'triggerTimes'>> {
    const applied = { transactions: 0, elements: 0, milliseconds: 0 };
    const add = (part: Applied): void => {
      applied.transactions += part.transactions;
      applied.elements += part.elements;
      applied.milliseconds += part.milliseconds;
    };
    const wanted = JSON.stringify(settings);
    if (wanted !== this.#appliedSettings) {
      add(await this.#kernel.setNode(settings));
      this.#appliedSettings = wanted;
    }
    const pending = this.#pending;
    this.#pending = new Map();
    const changes = [...pending].map(([id, desired]) => ({
      before: this.#kernel.state.get(id)?.port,
      after: desired?.port,
    }));
    add(await this.#kernel.apply(pending));
    return { full: false, applied, changes, removedFrontends: [] };
  }

  #changed(change: Change): Change {
    for (const [id, port] of change.changed) {
      if (port?.algorithm === 'least-connections') this.#loadBalanced.set(id, port);
      else if (this.#loadBalanced.delete(id)) this.#weights.delete(id);
      this.#pending.set(id, port && this.#desired(port));
    }
    return change;
  }

  #desired(port: ServicePort): DesiredPort {
    const weights = port.algorithm === 'least-connections' ? this.#weights.get(port.id) : undefined;
    return weights ? { port, weights } : { port };
  }
}

function setOrDelete<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
