/** The parts of well-formed Kubernetes objects that kube-proxy's rules are made of, as the API server stores them. */

export interface ProxiedService {
  readonly spec: {
    readonly clusterIPs?: readonly string[];
    readonly ports?: readonly ProxiedPort[];
    readonly externalIPs?: readonly string[];
    readonly loadBalancerSourceRanges?: readonly string[];
    readonly internalTrafficPolicy?: string;
    readonly externalTrafficPolicy?: string;
    readonly healthCheckNodePort?: number;
    readonly sessionAffinity?: string;
    readonly sessionAffinityConfig?: { readonly clientIP?: { readonly timeoutSeconds?: number } };
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

export interface ProxiedPort {
  readonly name?: string;
  readonly protocol?: string;
  readonly port: number;
  readonly nodePort?: number;
}

export interface ProxiedSlice {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly addressType: string;
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly conditions?: { readonly ready?: boolean };
    readonly nodeName?: string;
  }[];
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[];
}

/** Objects by `namespace/name`. */
export interface ProxiedObjects {
  readonly services: ReadonlyMap<string, ProxiedService>;
  readonly slices: ReadonlyMap<string, ProxiedSlice>;
}

/** The node that a kube-proxy works for. */
export interface ProxiedNode {
  readonly name: string;
  /** Its InternalIPs. */
  readonly addresses: readonly string[];
  /** At most one a family. */
  readonly clusterCIDRs: readonly string[];
}

/** 4 or 6. */
export type IpFamily = 4 | 6;

/** Whether an address or prefix is of a family. */
export const isOf =
  (family: IpFamily) =>
  (address: string): boolean =>
    address.includes(':') === (family === 6);
