/**
 * The forwarding state: what the node's data plane has to do, in Kubernetes terms and without a word of nftables.
 *
 * Addresses are canonical text everywhere (IPv4 dotted quad, IPv6 as RFC 5952), so that two equal addresses are
 * equal strings.
 */

import type { Family } from '../ip/index.ts';
import type { Algorithm, Scheduler } from '../api/index.ts';

export { algorithms } from '../api/index.ts';
export type { Algorithm, Scheduler };

/** What may choose endpoints: the data plane's own slots, IPVS, or a proxy in user space. */
export const engines = ['nftables', 'ipvs', 'userspace'] as const;
export type EngineName = (typeof engines)[number];

export type { Family };

/** How a proxy is to pass a Service port on: connections as they are, or request by request. */
export interface ProxyChoice {
  /** `h2c`: HTTP/2 without TLS towards the endpoints, as gRPC has it. */
  readonly protocol: 'tcp' | 'http' | 'h2c';
  /** Requests with the same value of this header go to the same endpoint; in small letters. */
  readonly hashHeader?: string;
  /** Seconds in which the share of an endpoint that comes grows to what its weight says; left out: it has it at once. */
  readonly slowStartSeconds?: number;
}

/** Transport protocol, in the spelling that nftables prints. */
export type Protocol = 'tcp' | 'udp' | 'sctp';

/** Traffic policy of a frontend: spread over all endpoints, or only over those on this node. */
export type TrafficPolicy = 'Cluster' | 'Local';

/** One backend of a Service port that may receive new connections. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** True if the endpoint runs on this node. */
  readonly local: boolean;
  /**
   * There if nobody says on which node the endpoint runs (no `nodeName`): it may be this one, so it has to reach itself
   * through the Service. For policies and health checks it is not local.
   */
  readonly maybeLocal?: true;
  /** Relative share of new connections, 0-256; 0 receives none (existing connections go on). 1 unless annotated. */
  readonly weight: number;
}

/** An address and port at which a Service port can be reached. */
export type Frontend =
  | { readonly kind: 'ClusterIP'; readonly address: string; readonly port: number; readonly policy: TrafficPolicy }
  | { readonly kind: 'ExternalIP'; readonly address: string; readonly port: number; readonly policy: TrafficPolicy }
  | {
      readonly kind: 'LoadBalancerIP';
      readonly address: string;
      readonly port: number;
      readonly policy: TrafficPolicy;
      /** Prefixes and addresses that may connect (canonical, of this family, none overlapping); undefined admits everybody, empty admits nobody. */
      readonly sourceRanges?: readonly string[];
    }
  /** On every node-port address of this node (which those are is the node's setting, not the Service's). */
  | { readonly kind: 'NodePort'; readonly port: number; readonly policy: TrafficPolicy };

/** Everything the data plane must know about one port of one Service in one IP family. */
export interface ServicePort {
  /** Unique: `namespace/name:portName/protocol/family`, e.g. `default/web:http/tcp/4`; portName may be empty. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  /** Name of the Service port; empty if it has none. */
  readonly portName: string;
  readonly protocol: Protocol;
  readonly family: Family;
  /** Sorted by kind, address, port; never two with the same address and port (duplicates are resolved before). */
  readonly frontends: readonly Frontend[];
  /** What a frontend with policy Cluster balances over; sorted by address, then port; no duplicates. */
  readonly clusterEndpoints: readonly Endpoint[];
  /** What a frontend with policy Local balances over; sorted likewise. */
  readonly localEndpoints: readonly Endpoint[];
  /**
   * Endpoints that serve but get no new connections from here: terminating ones beside ready ones, those that policy
   * or topology leaves out. Connections they have are fine.
   */
  readonly otherServingEndpoints: readonly Endpoint[];
  /** Whether the Service has any usable endpoint anywhere: decides drop (true) or reject for an empty list. */
  readonly hasAnyEndpoints: boolean;
  /** ClientIP session affinity: seconds a client stays with its endpoint; undefined without affinity. */
  readonly affinitySeconds?: number;
  readonly algorithm: Algorithm;
  /** Size of the Maglev table (a prime), given if the algorithm is maglev. */
  readonly maglevTableSize?: number;
  /** What the Service itself says is to choose endpoints; left out: as the node has it. */
  readonly engine?: EngineName;
  /** How IPVS is to choose, by the Service's own word: `none` if it has nothing that does that; left out: as the node has it. */
  readonly scheduler?: Scheduler | 'none';
  /** How a proxy is to look at its requests; left out: it passes connections on. */
  readonly proxy?: ProxyChoice;
}

/** Something in a user's object that could not be honoured; everything else keeps working. */
export interface Problem {
  /** The object at fault. */
  readonly object: { readonly kind: 'Service' | 'EndpointSlice'; readonly namespace: string; readonly name: string };
  /** A stable CamelCase word for Events and conditions, from the closed list in docs/reasons.md. */
  readonly reason: string;
  /** What is wrong, where, and what to do; at most 256 characters. */
  readonly message: string;
}
