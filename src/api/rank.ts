import { defaultPriority } from './defaults.ts';
import type { ProxyConfig } from './types.ts';

/** Of several ProxyConfigs that select a node the first governs it: by priority, then the oldest, then by name. */
export function byRank(a: ProxyConfig, b: ProxyConfig): number {
  const priority = priorityOf(b) - priorityOf(a);
  if (priority !== 0) return priority;
  const [older, younger] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (older !== younger) return older < younger ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

function priorityOf({ spec }: ProxyConfig): number {
  return spec.priority ?? defaultPriority;
}
