import { conditionOf } from '../api/index.ts';
import type { Condition, NamedNode, NodeCounts, ProxyConfig, ProxyConfigStatus, RolloutStatus } from '../api/index.ts';

/** A ProxyConfig as people ask after it. */
export interface ConfigOverview {
  readonly name: string;
  readonly generation: number;
  /** Whether it is Ready, as of its spec as it is. */
  readonly ready: boolean;
  /** Why it is Ready or not. */
  readonly why: string;
  readonly rollout?: RolloutStatus;
  readonly nodes?: NodeCounts;
  /** What is said beside Ready, and not in the same words: conditions Stalled and Degraded. */
  readonly troubles: readonly Condition[];
  /** Everything that the operator says. */
  readonly conditions: readonly Condition[];
  /** Nodes in trouble, worst first, as far as the status names them. */
  readonly named: readonly (NamedNode & { readonly list: string })[];
}

/** Lists of a status that name nodes in trouble, worst first, and what they are called. */
const lists = [
  ['failedNodes', 'failing'],
  ['silentNodes', 'silent'],
  ['uncoveredNodes', 'uncovered'],
  ['pendingNodes', 'waited for'],
] as const;

/** Whether every ProxyConfig is Ready, and there is one. */
export function isAllReady(configs: readonly ProxyConfig[]): boolean {
  return configs.length > 0 && configs.every(isReady);
}

/** Whether a ProxyConfig is Ready, as of its spec as it is. */
export function isReady(config: ProxyConfig): boolean {
  return isCurrent(config) && conditionOf(config.status?.conditions, 'Ready')?.status === 'True';
}

function isCurrent({ metadata, status }: ProxyConfig): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

export function configOverview(config: ProxyConfig): ConfigOverview {
  const { metadata, status = {} } = config;
  const { rollout, nodes, conditions = [] } = status;
  return {
    name: metadata.name,
    generation: metadata.generation ?? 0,
    ready: isReady(config),
    why: why(config),
    ...(rollout && { rollout }),
    ...(nodes && { nodes }),
    troubles: troubles(status),
    conditions,
    named: lists.flatMap(([list, called]) => (status[list] ?? []).map((node) => ({ ...node, list: called }))),
  };
}

function why(config: ProxyConfig): string {
  const ready = conditionOf(config.status?.conditions, 'Ready');
  if (ready === undefined || !isCurrent(config)) return 'the operator has not looked at it yet';
  return `${ready.reason}: ${ready.message}`;
}

function troubles({ conditions }: ProxyConfigStatus): Condition[] {
  const said = conditionOf(conditions, 'Ready')?.message;
  return ['Stalled', 'Degraded'].flatMap((type) => {
    const condition = conditionOf(conditions, type);
    const isNews = condition?.status === 'True' && condition.message !== said;
    return isNews ? [condition] : [];
  });
}
