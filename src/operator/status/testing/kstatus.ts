import { conditionOf } from '../../../api/index.ts';
import type { ProxyConfig } from '../../../api/index.ts';

/** What tools that follow kstatus (Flux, kpt) make of an object. */
export type KStatus = 'Terminating' | 'InProgress' | 'Failed' | 'Current';

const standard: Readonly<Record<string, KStatus>> = { Reconciling: 'InProgress', Stalled: 'Failed' };

/**
 * The rule of kstatus for custom resources (sigs.k8s.io/cli-utils, pkg/kstatus/status: `checkGenericProperties`, then the
 * condition Ready), which is all that Flux asks. Without any condition that it knows, an object counts as done.
 */
export function kstatus({ metadata, status = {} }: Pick<ProxyConfig, 'metadata' | 'status'>): KStatus {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (status.observedGeneration !== undefined && status.observedGeneration !== metadata.generation) return 'InProgress';
  // Whichever comes first in the list decides.
  const decisive = status.conditions?.find(({ type, status: is }) => is === 'True' && type in standard);
  if (decisive !== undefined) return standard[decisive.type] ?? 'InProgress';
  const ready = conditionOf(status.conditions, 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}

/** Whether `kubectl wait --for=condition=Ready` returns: a condition of an earlier generation does not count. */
export function waitReturns({ metadata, status = {} }: Pick<ProxyConfig, 'metadata' | 'status'>): boolean {
  const ready = conditionOf(status.conditions, 'Ready');
  if (ready?.status !== 'True') return false;
  return (ready.observedGeneration ?? status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}
