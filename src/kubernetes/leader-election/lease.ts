import type { KubernetesObject } from '../client/index.ts';

/** coordination.k8s.io/v1 LeaseSpec; times are metav1.MicroTime. */
export interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  /** How often the lease has gone from one holder to another. */
  leaseTransitions?: number;
}

/** A Lease: who leads, and until when if nothing more is heard. */
export interface Lease extends KubernetesObject {
  spec?: LeaseSpec;
}

/** The spec with which `identity` takes over a lease, or goes on holding it. */
export function heldSpec(current: LeaseSpec | undefined, identity: string, seconds: number, now: string): LeaseSpec {
  const transitions = current?.leaseTransitions ?? 0;
  if (current?.holderIdentity === identity) {
    return { ...current, leaseDurationSeconds: seconds, acquireTime: current.acquireTime ?? now, renewTime: now };
  }
  return {
    holderIdentity: identity,
    leaseDurationSeconds: seconds,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: current === undefined ? 0 : transitions + 1,
  };
}

/** The spec that a holder leaves behind, so that the next one need not wait. */
export function releasedSpec(current: LeaseSpec, now: string): LeaseSpec {
  return { leaseDurationSeconds: 1, renewTime: now, leaseTransitions: current.leaseTransitions ?? 0 };
}
