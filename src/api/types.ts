/**
 * The API as plain types, for everything that reads or writes these objects. The classes that the CRDs and the
 * validation are made from (schema/) implement them; nothing here loads those.
 */

import type { AgentSettings } from './agent-settings.ts';

/** Load-balancing algorithms. */
export const algorithms = ['random', 'round-robin', 'source-hash', 'maglev', 'least-connections'] as const;
export type Algorithm = (typeof algorithms)[number];

/** Data planes. Grows only when another one works. */
export const modes = ['nftables', 'ipvs', 'userspace', 'iptables'] as const;
export type Mode = (typeof modes)[number];

/** Schedulers of IPVS, by the kernel's names (net/netfilter/ipvs of Linux 6.12). */
export const schedulers = [
  ...(['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'sh', 'dh', 'sed', 'nq', 'fo', 'ovf', 'mh', 'twos'] as const),
] as const;
export type Scheduler = (typeof schedulers)[number];

/** How traffic from pods of this node is told from traffic that came from elsewhere; kube-proxy's words. */
export const detectLocalModes = ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'] as const;
export type DetectLocalMode = (typeof detectLocalModes)[number];

/** Primes that a Maglev table may have as its number of rows. */
export const maglevTableSizes = [251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521] as const;

/** metav1.LabelSelector. */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: LabelSelectorRequirement[];
}

export const selectorOperators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;
export interface LabelSelectorRequirement {
  key: string;
  operator: (typeof selectorOperators)[number];
  values?: string[];
}

/** What becomes of a node's rules when no ProxyConfig governs it any more. */
export const deletePolicies = ['Keep', 'Cleanup'] as const;
export type DeletePolicy = (typeof deletePolicies)[number];

/** Whether established connections of Services take the kernel's fast path (flowtables). */
export const fastPaths = ['Disabled', 'Enabled'] as const;
export type FastPath = (typeof fastPaths)[number];

/** Whether the operator parks kube-proxy on the nodes that a ProxyConfig governs, once they do without it. */
export const kubeProxyManagements = ['Disabled', 'Enabled'] as const;
export type KubeProxyManagement = (typeof kubeProxyManagements)[number];

/** What a ProxyConfig may say about a node's data plane; everything has a default. */
export interface ProxySettings {
  mode?: Mode;
  loadBalancing?: { algorithm?: Algorithm; maglev?: { tableSize?: number } };
  ipvs?: { scheduler?: Scheduler };
  nftables?: { fastPath?: FastPath };
  detectLocal?: { mode?: DetectLocalMode; bridgeInterface?: string; interfaceNamePrefix?: string };
  clusterCIDRs?: string[];
  masqueradeAll?: boolean;
  nodePortAddresses?: string[];
  conntrack?: Partial<ConntrackSettings>;
  onDelete?: DeletePolicy;
}

/** Connection tracking sysctls, names and meaning as in kube-proxy. Durations are Go's, e.g. `24h`, `1m30s`. */
export interface ConntrackSettings {
  /** Entries per CPU core for nf_conntrack_max; 0 leaves the node's value alone. */
  maxPerCore: number;
  /** Least nf_conntrack_max, whatever the number of cores. */
  min: number;
  /** nf_conntrack_tcp_timeout_established; `0s` leaves the node's value alone. */
  tcpEstablishedTimeout: string;
  /** nf_conntrack_tcp_timeout_close_wait; `0s` leaves the node's value alone. */
  tcpCloseWaitTimeout: string;
  /** nf_conntrack_tcp_be_liberal is set to 1 if true, else left alone. */
  tcpBeLiberal: boolean;
  /** nf_conntrack_udp_timeout; `0s` leaves the node's value alone. */
  udpTimeout: string;
  /** nf_conntrack_udp_timeout_stream; `0s` leaves the node's value alone. */
  udpStreamTimeout: string;
}

/** What a node does: every setting decided, CIDRs canonical (network address, RFC 5952). Made by `withDefaults`. */
export interface EffectiveConfig {
  readonly mode: Mode;
  readonly loadBalancing: { readonly algorithm: Algorithm; readonly maglev: { readonly tableSize: number } };
  /** For Services that IPVS serves and that name no algorithm; absent: `rr`. */
  readonly ipvs?: { readonly scheduler: Scheduler };
  /** Absent: all packets pass all chains. */
  readonly nftables?: { readonly fastPath: 'Enabled' };
  readonly detectLocal: {
    readonly mode: DetectLocalMode;
    /** Present exactly with mode BridgeInterface. */
    readonly bridgeInterface?: string;
    /** Present exactly with mode InterfaceNamePrefix. */
    readonly interfaceNamePrefix?: string;
  };
  /** At most one per family, IPv4 first; empty: with mode ClusterCIDR nothing counts as local. */
  readonly clusterCIDRs: readonly string[];
  readonly masqueradeAll: boolean;
  /** Never empty: CIDRs, or `primary` alone (the node's own addresses). */
  readonly nodePortAddresses: readonly string[];
  readonly conntrack: Readonly<ConntrackSettings>;
  /** Absent: Keep. */
  readonly onDelete?: 'Cleanup';
}

/** The part of metadata that these objects need. */
export interface Metadata {
  name: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string }[];
}

/** metav1.Condition. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  observedGeneration?: number;
  /** RFC 3339, UTC. Moves only when `status` does. */
  lastTransitionTime: string;
  /** CamelCase, from a closed list. */
  reason: string;
  /** For people. */
  message: string;
}

/** What becomes of nodes that have the new revision when too many of them fail. */
export const failurePolicies = ['Rollback', 'Pause'] as const;
export type FailurePolicy = (typeof failurePolicies)[number];

/** How a change gets to the nodes. */
export interface RolloutSettings {
  paused?: boolean;
  canary?: { nodes?: number; soakSeconds?: number };
  /** A number of nodes, or a percentage of them as text (`10%`). */
  maxUnavailable?: number | string;
  maxFailed?: number;
  onFailure?: FailurePolicy;
  progressDeadlineSeconds?: number;
}

export interface ProxyConfigSpec extends ProxySettings {
  nodeSelector?: LabelSelector;
  priority?: number;
  agent?: AgentSettings;
  rollout?: RolloutSettings;
  kubeProxyManagement?: KubeProxyManagement;
}

/** Nodes of one ProxyConfig, counted. */
export interface NodeCounts {
  /** Nodes that this config governs: selected, and no other config wins them. */
  matching: number;
  /** Of these: told to run the current revision. */
  updated: number;
  /** Of these: the agent has applied that revision and is in sync. */
  ready: number;
  /** Of these: the agent reports a failure. */
  failed: number;
  /** Of these: the agent has not reported that revision yet. */
  pending: number;
  /** Of these: nothing is heard of the agent, though the Node is Ready. */
  silent: number;
  /** Of these: the Node is NotReady and its agent silent; left out of what Ready waits for. */
  ignored: number;
  /** Beside these: were told this config last, and no config governs them any more; they keep what they have. */
  uncovered: number;
}

/** A node that a status names, and why. */
export interface NamedNode {
  name: string;
  reason: string;
  message: string;
}
export type FailedNode = NamedNode;

/**
 * Where a rollout is: `Canary` until the canaries are ready, `Soaking` until they have been for a while, `Rolling` while
 * the others follow, `Paused` by the spec, `RollingBack` and `RolledBack` after failures, or `Failed` (they keep it),
 * `Complete` when nothing is left to do.
 */
export const rolloutPhases = [
  'Canary',
  'Soaking',
  'Rolling',
  'Paused',
  'RollingBack',
  'RolledBack',
  'Failed',
  'Complete',
] as const;
export type RolloutPhase = (typeof rolloutPhases)[number];

/** Times are RFC 3339, UTC. */
export interface RolloutStatus {
  phase: RolloutPhase;
  /** Since when nodes have been changed, over all edits of the spec since the last time that it was Complete. */
  startedAt: string;
  /** When the last node was told something, or the canaries passed. */
  lastProgressAt: string;
  /** Since when all canaries have been ready. */
  canaryReadyAt?: string;
  canaryPassedAt?: string;
}

/** Where kube-proxy is parked among the nodes of a ProxyConfig. */
export interface KubeProxyStatus {
  /** Nodes on which it is not to run. */
  parked: number;
  /** Nodes on which it is to run again, and is waited for. */
  restoring: number;
  /** Since when the first nodes have worked without it, RFC 3339, UTC; absent unless the others wait for that. */
  soakingSince?: string;
}

export interface ProxyConfigStatus {
  observedGeneration?: number;
  currentRevision?: string;
  /** What currentRevision stands for. */
  currentConfig?: EffectiveConfig;
  currentAgentRevision?: string;
  updateRevision?: string;
  rollout?: RolloutStatus;
  nodes?: NodeCounts;
  failedNodes?: FailedNode[];
  silentNodes?: NamedNode[];
  pendingNodes?: NamedNode[];
  uncoveredNodes?: NamedNode[];
  /** Absent where kube-proxy is nobody's business. */
  kubeProxy?: KubeProxyStatus;
  conditions?: Condition[];
}

export interface ProxyConfig {
  apiVersion?: string;
  kind?: string;
  metadata: Metadata;
  spec: ProxyConfigSpec;
  status?: ProxyConfigStatus;
}

/** What a node is told. */
export interface NodeAssignment {
  /** The ProxyConfig that it comes from, as of that generation. */
  configRef: { name: string; generation: number };
  /** `revisionOf(config, agentRevision)`. */
  revision: string;
  config: EffectiveConfig;
  /** Revision of the Pod template that the node's agent is to be made from; absent: whatever it was made from. */
  agentRevision?: string;
}

/** The rollout in which a node was told what it is to do. */
export interface NodeRollout {
  /** `status.rollout.startedAt` of the ProxyConfig. */
  startedAt: string;
  /** The node was told what is good already: it goes back, or catches up. */
  returning?: true;
  /** What the node goes back to if this fails. */
  previous?: NodeAssignment;
  /** Reason of a failure that the node reported before it was told this: no fault of the new revision. */
  failingBefore?: string;
}

export interface ProxyNodeStateSpec extends NodeAssignment {
  /** Absent for a node that was told outside of a rollout, because it was new. */
  rollout?: NodeRollout;
  /** No ProxyConfig governs the node, and the last one said Cleanup: nothing of ours is to be in its kernel. */
  cleanup?: NodeCleanup;
  /** Its agent writes the Events on Services and EndpointSlices, in which all agents see the same. */
  objectEvents?: true;
  /** kube-proxy has been parked, and its Pod on the node is gone: its rules may go. No part of the revision. */
  kubeProxy?: 'Parked';
}

/** That a node is to have nothing of ours in its kernel. */
export interface NodeCleanup {
  /** Since when, RFC 3339, UTC. */
  startedAt: string;
}

/** The Service ports of a node with the most new connections between two times (RFC 3339, UTC), most first. */
export interface BusiestServicePorts {
  since: string;
  until: string;
  servicePorts: ServicePortConnections[];
}

export interface ServicePortConnections {
  /** `namespace/service:port`; without a name of the port `namespace/service`. */
  name: string;
  /** New connections, as the kernel counted them. */
  connections: number;
}

/** How many Service ports of a node who chooses endpoints for. */
export interface ServedBy {
  /** Slots in the table, those that fell back included. */
  nftables: number;
  ipvs: number;
  /** Rules, in mode iptables; left out in others. */
  iptables?: number;
  /** Left out by agents that have no proxy. */
  userspace?: number;
  /** An engine, or what rules cannot do, is asked for, and slots or rules serve. */
  fallenBack: number;
}

export interface ProxyNodeStateStatus {
  observedGeneration?: number;
  appliedRevision?: string;
  /** The data plane that runs. */
  mode?: string;
  services?: number;
  endpoints?: number;
  elements?: number;
  /** Absent while slots choose for all Service ports, as asked for. */
  servedBy?: ServedBy;
  /** Services and EndpointSlices in which something could not be honoured; each has an Event. */
  objectsWithProblems?: number;
  kernelVersion?: string;
  agentVersion?: string;
  /** Revision of the Pod template that the agent was made from. */
  agentRevision?: string;
  /** How long the agent's Lease holds without being renewed; absent: it has none, and nobody notices its silence. */
  leaseDurationSeconds?: number;
  /** When appliedRevision, or what a condition of the agent says, last changed. RFC 3339, UTC. */
  lastChangeTime?: string;
  /** The node's busiest Service ports, a few times an hour; absent before the first time. */
  busiest?: BusiestServicePorts;
  /** Synced, Degraded, ConntrackConfigured. */
  conditions?: Condition[];
}

export interface ProxyNodeState {
  apiVersion?: string;
  kind?: string;
  metadata: Metadata;
  spec: ProxyNodeStateSpec;
  status?: ProxyNodeStateStatus;
}
