import type { Scheduler } from '../api/index.ts';
import type { Endpoint, EngineName, Family, Frontend, Protocol, ServicePort } from '../services/index.ts';

/**
 * The contract that every data plane keeps: how Service ports become forwarding in the kernel of this node.
 *
 * - Calls that write (`start`, `apply`, `setNode`, `remove`) must not overlap; the agent's pacer sees to that.
 *   Reading (`verify`, `counters`, `explain`, `preview`, `served`) may happen at any time.
 * - A Service port that the kernel refuses is named in `refused` while all others are written. What is no Service
 *   port's fault is thrown; the kernel's state is then not surely known, and another `start` is the way back.
 * - Nothing is ever removed by `close`: rules stay in force when an agent stops. Only `remove` takes them away.
 */
export interface DataPlane {
  /** The mode's name, as `ProxyConfig` has it. */
  readonly mode: string;

  /**
   * Brings the kernel to exactly `ports` and `node`, whatever it holds: nothing, what an earlier run left, half of it,
   * or what another version made. What is there serves until all of the new state does; counters and remembered clients
   * are gone on with.
   *
   * @throws ForeignStateError if what is there belongs to somebody else.
   */
  start(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Started>;

  /**
   * Writes the new state of some Service ports (undefined: gone).
   *
   * @param retried those that were refused before and are tried again: whatever goes wrong with them is their fault.
   */
  apply(changes: Changes, retried?: ReadonlySet<string>): Promise<Applied>;

  /** Follows a change of the node's settings. What the kernel refuses is thrown, and the old settings stay in force. */
  setNode(node: NodeSettings): Promise<Written>;

  /** Whether the kernel surely still holds what was written; if not, `start` compares and repairs. */
  verify(): Promise<Integrity>;

  /** The Service ports that the kernel holds, by id. */
  readonly served: ReadonlyMap<string, DesiredPort>;

  /** Service ports that an engine is to serve and that are served without, by id. */
  readonly fallbacks: ReadonlyMap<string, Fallback>;

  /**
   * Service ports that `apply` of the same state would serve otherwise now: of `fallbacks` those that have a chance, because what
   * was missing is there; and those of which what served them has ended.
   */
  recoverable(): Promise<ReadonlySet<string>>;

  /**
   * Has a listener called at once when what serves Service ports has ended by itself: `recoverable` names them. Absent: there is
   * nothing that could end.
   */
  whenLost?(listener: () => void): void;

  /** Whether connections take the fast path that the node's settings ask for; undefined: they ask for none. */
  readonly fastPath?: FastPathState | undefined;

  /** How many of `served` who chooses endpoints for. */
  servedBy(): ServedCounts;

  /** How many elements (or rules) each part in the kernel has, by the name that tools of this mode show. */
  readonly sizes: ReadonlyMap<string, number>;

  /** New connections per Service port and kind of frontend, as the kernel has counted them; for `served` only. */
  counters(): Promise<ConnectionCount[]>;

  /** What a proxy has answered, by Service port. Absent: nobody looks at requests. */
  requests?(): Promise<RequestCount[]>;

  /** What this node would do with the first packet of a connection, read from the kernel; works without `start`. */
  explain(packet: Packet): Promise<Explanation>;

  /** What engines do for Service ports, read from the kernel; works without `start`. */
  engineTargets(): Promise<EngineTargetState[]>;

  /**
   * What `start` would change of what the kernel holds, whoever wrote that; writes nothing, and works without `start`.
   * Weights by load that an agent has learned are not known here.
   */
  preview(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Preview>;

  /**
   * Takes everything of this mode out of the kernel, and nothing of anybody else. Says for people what it was
   * (`table inet nftproxy`); undefined if there was nothing.
   *
   * @param spared what open connections need that go through a process of this host stays: another mode serves, and they go on
   */
  remove(spared?: 'connections'): Promise<string | undefined>;

  /**
   * What may end together with this process, its Pod being replaced, is to serve nothing new: the kernel alone does. Absent:
   * there is nothing of that kind.
   */
  standDown?(): Promise<void>;

  /** Gives up sockets and the like. The kernel goes on forwarding. */
  close(): void;
}

/** Service ports by who chooses endpoints for them: slots (`nftables`), an engine, or rules (`iptables`). */
export type ServedCounts = Readonly<Partial<Record<EngineName | 'iptables', number>>>;

/** Through how many interfaces packets come to the fast path, or what is missing for people to read. */
export type FastPathState = { readonly devices: number } | { readonly missing: string };

/** Why a Service port is served without the engine that is asked for. */
export interface Fallback {
  /** For people: what is missing, and what to do. */
  readonly reason: string;
  /** Who asks for what is missing: the node's settings, or the Service itself. */
  readonly askedBy: 'node' | 'service';
  /** What is missing is a process that may be starting: it comes without anybody's doing. */
  readonly awaited?: true;
}

/** What is in the data plane's place belongs to somebody else; the message says whose it is and what to do. */
export class ForeignStateError extends Error {
  override readonly name = 'ForeignStateError';
}

/** `changed`: somebody else wrote, or may have written, where our state is. */
export type Integrity = 'intact' | 'changed';

/**
 * What the load makes of the endpoints' weights, by `address:port`, integers: an endpoint has so many `loadUnit`ths of
 * its own weight. Those of average load have `loadUnit`, and so have those that are not in it.
 */
export type LoadWeights = ReadonlyMap<string, number>;

/** Gives weights that follow the load a resolution of about 1.5 %. */
export const loadUnit = 64;

/** Where an engine takes connections over: an address in a range of its own that is this host's, and a port. */
export interface EngineTarget {
  readonly address: string;
  readonly port: number;
}

/** What is at a target of an engine. */
export interface EngineTargetState {
  /** The engine's name, for people. */
  readonly engine: string;
  readonly protocol: Protocol;
  readonly target: EngineTarget;
  /** From which endpoints it chooses; undefined: no Service port leads there. */
  readonly scope?: keyof EngineTargets;
  /** The frontends that lead there. */
  readonly frontends: readonly FrontendAddress[];
  /** Undefined: nothing is there, and what comes is dropped. */
  readonly serving?: EngineServing;
}

/** How an engine chooses, and from what. */
export interface EngineServing {
  /** The engine's name of the way to choose. */
  readonly scheduler: string;
  readonly endpoints: readonly (Pick<Endpoint, 'address' | 'port' | 'weight'> & {
    /** Open connections. */
    readonly active: number;
    /** Those that are being closed, or of which nothing has been heard for long. */
    readonly inactive: number;
  })[];
}

/** By which endpoints an engine chooses from: all of a Service port, or those on this node. */
export type EngineTargets = Partial<Record<'cluster' | 'local', EngineTarget>>;

/** The wanted state of one Service port. */
export interface DesiredPort {
  readonly port: ServicePort;
  readonly weights?: LoadWeights;
  /**
   * An engine chooses the endpoint. Who may pass, who is masqueraded, what is rejected and with whom a client stays is
   * decided as without it.
   */
  readonly via?: EngineTargets;
  /**
   * The engine ends connections itself, and remembers clients itself. External frontends with policy Local, whose point is
   * the client's address, do not go through it.
   */
  readonly proxied?: true;
}

/** New states of Service ports by id; undefined for those that are gone. */
export type Changes = ReadonlyMap<string, DesiredPort | undefined>;

/** How the node tells traffic of its own pods from other traffic (KubeProxyConfiguration `detectLocalMode`). */
export type LocalDetector =
  /** By source address: `localSources`. */
  { readonly by: 'source' } | { readonly by: 'interface'; readonly name: string; readonly prefix: boolean };

/** What a data plane must know of the node and the cluster as a whole, apart from Services. CIDRs in canonical text. */
export interface NodeSettings {
  /** Absent: there is no detector in that family, so nothing counts as a pod of this cluster. */
  readonly detectors: Partial<Record<Family, LocalDetector>>;
  readonly masqueradeAll: boolean;
  /** Ranges of this node's own addresses at which NodePorts answer; they may overlap. */
  readonly nodePortAddresses: readonly string[];
  /** Ranges of pods, for a detector by source address. */
  readonly localSources: readonly string[];
  /** Ranges from which ClusterIPs are allocated; they may overlap. */
  readonly serviceCIDRs: readonly string[];
  /** Established connections of Services are to take the kernel's fast path, where it has one; left out: they do not. */
  readonly fastPath?: true;
  /** Who chooses endpoints for Service ports that say nothing; left out: the data plane itself. */
  readonly engine?: Exclude<EngineName, 'nftables'>;
  /** How IPVS chooses for Service ports that say nothing; left out: by its default. */
  readonly scheduler?: Scheduler;
  /** Ranges of engines' targets, which nobody reaches but through a Service; left out: no engine is in use. */
  readonly engineRanges?: readonly string[];
  /** The same of engines that listen there, as any process of this host does; left out: no such engine is in use. */
  readonly listenerRanges?: readonly string[];
}

/** What one call has written. */
export interface Written {
  readonly transactions: number;
  readonly elements: number;
  /** Time the commits took, milliseconds. */
  readonly milliseconds: number;
}

export const nothingWritten: Written = { transactions: 0, elements: 0, milliseconds: 0 };

/** The sum of what several calls have written. */
export function addWritten(a: Written, b: Written): Written {
  return {
    transactions: a.transactions + b.transactions,
    elements: a.elements + b.elements,
    milliseconds: a.milliseconds + b.milliseconds,
  };
}

/** A Service port that the kernel refused, and what it said. */
export interface Refusal {
  readonly id: string;
  readonly reason: string;
}

export interface Applied {
  readonly written: Written;
  /** Service ports that were set aside; all others are served. */
  readonly refused: readonly Refusal[];
}

export interface Started extends Applied {
  /** Frontends that an earlier run left in the kernel and that are nobody's any more. */
  readonly removedFrontends: readonly FrontendAddress[];
}

/** An element of a set, in the words of tools of this mode. */
export interface PreviewedElement {
  readonly key: string;
  readonly data?: string;
}

/** What would become of one set, or of all sets of one kind that Service ports have of their own. */
export interface PreviewedSet {
  readonly name: string;
  readonly deletes: readonly PreviewedElement[];
  readonly adds: readonly PreviewedElement[];
}

/** Names of chains. */
export interface PreviewedChains {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** Rules change that all Services share: all is written anew beside what is there, and switched to at once. */
  readonly allAnew: boolean;
}

/** What a change would do to the kernel. */
export interface Preview {
  /** Only those in which something changes, by name. */
  readonly sets: readonly PreviewedSet[];
  readonly chains: PreviewedChains;
  /** How many elements there are afterwards. */
  readonly elements: number;
  /** Service ports for which there is no room. */
  readonly refused: readonly Refusal[];
}

/** Where a Service port was reached; a NodePort has no address of its own. */
export interface FrontendAddress {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly address?: string;
  readonly port: number;
}

/** New connections that one frontend of a Service port has taken since its counter was made. */
export interface ConnectionCount {
  readonly namespace: string;
  readonly service: string;
  /** Name of the Service port; empty if it has none. */
  readonly port: string;
  readonly protocol: Protocol;
  readonly family: Family;
  readonly frontend: Frontend['kind'];
  readonly connections: number;
}

/** What a proxy has answered for one Service port since this data plane found it; HTTP only. Never gets less. */
export interface RequestCount {
  readonly namespace: string;
  readonly service: string;
  /** Name of the Service port; empty if it has none. */
  readonly port: string;
  readonly family: Family;
  /** By the first digit of their status: `2xx`. */
  readonly answers: Readonly<Record<string, number>>;
  readonly latency: LatencyHistogram;
}

/** How long endpoints took until their answers began, with the wait for a connection and with what was tried in vain. */
export interface LatencyHistogram {
  /** Upper bounds of the buckets in seconds, rising; a bucket has what is equal to its bound. */
  readonly bounds: readonly number[];
  /** How many answers fell into each bucket and not into the one below; the last one is for those above all bounds. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

/** The first packet of a connection, as it comes to this node. Addresses canonical. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** The packet is made on this host itself. */
  readonly fromHost: boolean;
  /** Whether a detector by interface takes it for a pod's; undefined: the data plane goes by its ranges of pods. */
  readonly fromPod: boolean | undefined;
  /** The destination is an address of this host. */
  readonly toHost: boolean;
  readonly masqueradeAll: boolean;
}

/** One decision about a connection. */
export interface Step {
  /**
   * What it is about: where the packet goes to, who may pass and which endpoints count, which of them it is, whose address
   * it has then, or how packets go on once it is established.
   */
  readonly about: 'frontend' | 'policy' | 'choice' | 'source' | 'established';
  /** A sentence for people. */
  readonly text: string;
}

/** What happens to a connection, and why. */
export interface Explanation {
  readonly action: 'forward' | 'reject' | 'drop' | 'pass';
  /** In order. */
  readonly steps: readonly Step[];
  /** Which kind of address was asked; undefined if it is none of a Service. */
  readonly frontend?: 'service' | 'nodePort';
  /** `address:port` (IPv6 in brackets) of those it may go to, one entry per slot (a share is a count of slots). */
  readonly endpoints: readonly string[];
  /** Set if it is certain which one: by session affinity or by hash. */
  readonly chosen?: string;
  readonly masquerade: boolean;
  /** The engine that chooses, and how; undefined: slots do. */
  readonly chosenBy?: string;
}
