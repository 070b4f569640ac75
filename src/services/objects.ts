/**
 * The parts of Kubernetes objects that decide forwarding, and no others: whatever reads them from the API server may
 * throw the rest away. client-node's V1Service, V1EndpointSlice and V1Node fit, and so does plain JSON.
 *
 * The types say what a well-formed object has; the readers of this folder check every value all the same, because an
 * object is written by anybody and one strange object must never stop the others.
 */

/** A value that may be missing in one of the ways in which JSON and typed clients leave things out. */
export type Maybe<T> = T | null | undefined;

export interface ObjectMeta {
  readonly labels?: Maybe<Readonly<Record<string, string>>>;
  readonly annotations?: Maybe<Readonly<Record<string, string>>>;
  readonly creationTimestamp?: Maybe<string | Date>;
}

export interface ServicePortSpec {
  readonly name?: Maybe<string>;
  readonly protocol?: Maybe<string>;
  readonly port?: Maybe<number>;
  readonly nodePort?: Maybe<number>;
  readonly appProtocol?: Maybe<string>;
}

export interface ServiceSpec {
  readonly type?: Maybe<string>;
  readonly clusterIP?: Maybe<string>;
  readonly clusterIPs?: Maybe<readonly Maybe<string>[]>;
  readonly ports?: Maybe<readonly Maybe<ServicePortSpec>[]>;
  readonly externalIPs?: Maybe<readonly Maybe<string>[]>;
  readonly loadBalancerSourceRanges?: Maybe<readonly Maybe<string>[]>;
  readonly internalTrafficPolicy?: Maybe<string>;
  readonly externalTrafficPolicy?: Maybe<string>;
  readonly healthCheckNodePort?: Maybe<number>;
  readonly sessionAffinity?: Maybe<string>;
  readonly sessionAffinityConfig?: Maybe<{
    readonly clientIP?: Maybe<{ readonly timeoutSeconds?: Maybe<number> }>;
  }>;
}

export interface LoadBalancerIngress {
  readonly ip?: Maybe<string>;
  readonly ipMode?: Maybe<string>;
}

export interface ServiceObject {
  readonly metadata?: Maybe<ObjectMeta>;
  readonly spec?: Maybe<ServiceSpec>;
  readonly status?: Maybe<{
    readonly loadBalancer?: Maybe<{ readonly ingress?: Maybe<readonly Maybe<LoadBalancerIngress>[]> }>;
  }>;
}

export interface EndpointObject {
  readonly addresses?: Maybe<readonly Maybe<string>[]>;
  readonly conditions?: Maybe<{
    readonly ready?: Maybe<boolean>;
    readonly serving?: Maybe<boolean>;
    readonly terminating?: Maybe<boolean>;
  }>;
  readonly nodeName?: Maybe<string>;
  readonly hints?: Maybe<{
    readonly forNodes?: Maybe<readonly Maybe<{ readonly name?: Maybe<string> }>[]>;
    readonly forZones?: Maybe<readonly Maybe<{ readonly name?: Maybe<string> }>[]>;
  }>;
}

export interface EndpointPortObject {
  readonly name?: Maybe<string>;
  readonly protocol?: Maybe<string>;
  readonly port?: Maybe<number>;
}

export interface EndpointSliceObject {
  readonly metadata?: Maybe<ObjectMeta>;
  readonly addressType?: Maybe<string>;
  readonly endpoints?: Maybe<readonly Maybe<EndpointObject>[]>;
  readonly ports?: Maybe<readonly Maybe<EndpointPortObject>[]>;
}

/** What is needed of the Node that this agent runs on. */
export interface NodeObject {
  readonly labels?: Maybe<Readonly<Record<string, string>>>;
  /** Its own addresses, canonical: at most one of each family. */
  readonly primaryAddresses?: Maybe<readonly string[]>;
}
