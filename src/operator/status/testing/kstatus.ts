import { conditionOf } from '../../../api/index.ts';
import type { ProxyConfig } from '../../../api/index.ts';

/** What tools that follow kstatus (Flux, kpt) make of an object. */
export type KStatus = 'Terminating' | 'InProgress' | 'Failed' | 'Current';

/**
 * The rule of kstatus for custom resources (sigs.k8s.io/cli-utils, pkg/kstatus/status: `checkGenericProperties`, then the
 * condition Ready), which is all that Flux asks. Without any condition that it knows, an object counts as done.
 */
export function kstatus({ metadata, status = {} }: Pick<ProxyConfig, 'metadata' | 'status'>): KStatus {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (status.observedGeneration !== undefined && status.observedGeneration !== metadata.generation) return 'InProgress';
  // Whichever comes first in the list decides.
  for (const { type, status: is } of status.conditions ?? []) {
    if (type === 'Reconciling' && is === 'True') return 'InProgress';
    if (type === 'Stalled' && is === 'True') return 'Failed';
  }
  const ready = conditionOf(status.conditions, 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}

/** Whether `kubectl wait --for=condition=Ready` returns: a condition of an earlier generation does not count. */
export function waitReturns({ metadata, status = {} }: Pick<ProxyConfig, 'metadata' | 'status'>): boolean {
  const ready = conditionOf(status.conditions, 'Ready');
  if (ready?.status !== 'True') return false;
  return (ready.observedGeneration ?? status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}
