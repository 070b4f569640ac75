import type { Toleration } from '../../api/index.ts';
import type { Taint } from './cluster-node.ts';

/** Tolerates the taints that say how a node is, not whom it is for: they come and go by themselves. */
export const toleratesConditions: readonly Toleration[] = [
  ...['disk-pressure', 'memory-pressure', 'network-unavailable', 'not-ready', 'pid-pressure'],
  ...['unreachable', 'unschedulable'],
].map((name) => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists' as const }));

/**
 * Whether no taint keeps a Pod away that tolerates so much, as schedulers and the DaemonSet controller see it:
 * https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
 */
export function areTolerated(taints: readonly Taint[], tolerations: readonly Toleration[]): boolean {
  return taints.every((taint) => isHarmless(taint, tolerations));
}

function isHarmless(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return taint.effect === 'PreferNoSchedule' || tolerations.some((toleration) => tolerates(toleration, taint));
}

function tolerates({ key, operator, value = '', effect }: Toleration, taint: Taint): boolean {
  if (effect !== undefined && effect !== taint.effect) return false;
  if (key !== undefined && key !== taint.key) return false;
  return operator === 'Exists' || value === (taint.value ?? '');
}
