import type { EffectiveConfig } from '../../api/index.ts';
import type { DesiredPort, LoadWeights, NodeSettings } from '../../dataplane/index.ts';
import { ForwardingState } from '../../services/index.ts';
import type {
  Change,
  EndpointSliceObject,
  Family,
  ServiceObject,
  ServicePort,
  ServicesConfig,
} from '../../services/index.ts';
import type { AssignedConfig, NodeView } from '../sources/index.ts';
import { engineOf, nodeSettings } from './node-settings.ts';

/** A change of endpoints in the cluster that Service ports of one family follow. */
export interface EndpointTrigger {
  readonly family: Family;
  /** When it happened, milliseconds since the epoch. */
  readonly at: number;
}

/** What has changed since it was last taken. */
export interface Pending {
  /** New states of Service ports by id; undefined for those that are gone. */
  readonly changes: ReadonlyMap<string, DesiredPort | undefined>;
  /** The changes of endpoints among them that happened after the start. */
  readonly triggers: readonly EndpointTrigger[];
}

/** When the endpoint change happened that a slice carries (set by the EndpointSlice controller). */
const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

/**
 * What the data plane is to hold, kept up to date by what the sources say, and what of it has changed since it was
 * last taken up. Pure: no clock, no I/O.
 *
 * Until a configuration is known, objects wait as they came: what becomes of them depends on it.
 */
export class DesiredState {
  readonly #nodeName: string;
  readonly #startedAt: number;
  #forwarding: ForwardingState | undefined;
  #config: AssignedConfig | undefined;
  #node: NodeView | undefined;
  #serviceCIDRs: readonly string[] = [];
  #settings: NodeSettings | undefined;
  #changes = new Map<string, DesiredPort | undefined>();
  #triggers: EndpointTrigger[] = [];
  readonly #services = new Map<string, ServiceObject>();
  readonly #slices = new Map<string, EndpointSliceObject>();
  readonly #loadBalanced = new Map<string, ServicePort>();
  readonly #weights = new Map<string, LoadWeights>();

  /** @param startedAt when this process began to follow the cluster: changes from before it are not measured */
  constructor(nodeName: string, startedAt = 0) {
    this.#nodeName = nodeName;
    this.#startedAt = startedAt;
  }

  /** The forwarding state; undefined until a configuration is known. */
  get forwarding(): ForwardingState | undefined {
    return this.#forwarding;
  }

  get config(): AssignedConfig | undefined {
    return this.#config;
  }

  get node(): NodeView | undefined {
    return this.#node;
  }

  /** Service ports that balance by least connections. */
  get loadBalanced(): Iterable<ServicePort> {
    return this.#loadBalanced.values();
  }

  service(key: string, service: ServiceObject | undefined): Change | undefined {
    if (this.#forwarding) return this.#changed(this.#forwarding.applyService(key, service));
    setOrDelete(this.#services, key, service);
    return undefined;
  }

  endpointSlice(key: string, slice: EndpointSliceObject | undefined): Change | undefined {
    if (this.#forwarding) {
      const change = this.#changed(this.#forwarding.applyEndpointSlice(key, slice));
      this.#triggers.push(...this.#triggersOf(slice, change));
      return change;
    }
    setOrDelete(this.#slices, key, slice);
    return undefined;
  }

  /** What is known of this node. Who gives up knowing it says nothing: the last word holds. */
  setNode(node: NodeView): Change | undefined {
    this.#node = node;
    this.#settle();
    return this.#forwarding && this.#changed(this.#forwarding.setNode(node));
  }

  setServiceCIDRs(cidrs: readonly string[]): void {
    this.#serviceCIDRs = cidrs;
    this.#settle();
  }

  configure(config: AssignedConfig): void {
    this.#config = config;
    this.#settle();
    const settings = servicesConfig(config.config, this.#nodeName);
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

  /** New load weights for some Service ports; undefined forgets them. */
  setWeights(weights: ReadonlyMap<string, LoadWeights | undefined>): void {
    for (const [id, byEndpoint] of weights) {
      setOrDelete(this.#weights, id, byEndpoint);
      const port = this.#forwarding?.get(id);
      if (port) this.#changes.set(id, this.#desired(port));
    }
  }

  /**
   * What is wanted of the node as a whole; undefined until a configuration is known. The same object for as long as
   * nothing of it changes.
   */
  get settings(): NodeSettings | undefined {
    return this.#settings;
  }

  /** Every Service port as it is to be. */
  all(): Map<string, DesiredPort> {
    const ports = new Map<string, DesiredPort>();
    for (const port of this.#forwarding?.values() ?? []) ports.set(port.id, this.#desired(port));
    return ports;
  }

  /** Hands over what has changed. */
  take(): Pending {
    const pending = { changes: this.#changes, triggers: this.#triggers };
    this.#changes = new Map();
    this.#triggers = [];
    return pending;
  }

  /** What was taken did not reach the kernel; newer changes of the same Service ports stay. */
  putBack({ changes, triggers }: Pending): void {
    this.#changes = new Map([...changes, ...this.#changes]);
    this.#triggers.unshift(...triggers);
  }

  /** One for each family in which the slice changed endpoints; none for a change from before this process. */
  #triggersOf(slice: EndpointSliceObject | undefined, { changed }: Change): EndpointTrigger[] {
    const at = Date.parse(slice?.metadata?.annotations?.[triggerTimeAnnotation] ?? '');
    if (!(at > this.#startedAt)) return [];
    const families = new Set([...changed.values()].flatMap((port) => port?.family ?? []));
    return [...families].map((family) => ({ family, at }));
  }

  /** What another configuration would make of this node: the very settings that are wanted if it is the same. */
  settingsFor({ config }: AssignedConfig): NodeSettings {
    const settings = nodeSettings(config, this.#node, this.#serviceCIDRs);
    const wanted = this.#settings;
    return wanted && JSON.stringify(settings) === JSON.stringify(wanted) ? wanted : settings;
  }

  /** Works the node's settings out anew, after a change of what they are made of. */
  #settle(): void {
    const settings = this.#config && nodeSettings(this.#config.config, this.#node, this.#serviceCIDRs);
    if (JSON.stringify(settings) !== JSON.stringify(this.#settings)) this.#settings = settings;
  }

  #changed(change: Change): Change {
    for (const [id, port] of change.changed) {
      if (port?.algorithm === 'least-connections') this.#loadBalanced.set(id, port);
      else if (this.#loadBalanced.delete(id)) this.#weights.delete(id);
      this.#changes.set(id, port && this.#desired(port));
    }
    return change;
  }

  #desired(port: ServicePort): DesiredPort {
    const weights = port.algorithm === 'least-connections' ? this.#weights.get(port.id) : undefined;
    return weights ? { port, weights } : { port };
  }
}

function servicesConfig(config: EffectiveConfig, nodeName: string): ServicesConfig {
  const { loadBalancing } = config;
  return {
    nodeName,
    defaultAlgorithm: loadBalancing.algorithm,
    maglevTableSize: loadBalancing.maglev.tableSize,
    ...engineOf(config),
  };
}

function setOrDelete<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
