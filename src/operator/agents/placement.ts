import { canonicalJson, tolerateEverything } from '../../api/index.ts';
import type { LabelSelector, Toleration } from '../../api/index.ts';
import { selects } from '../../kubernetes/index.ts';
import { areTolerated, toleratesConditions } from '../cluster/index.ts';
import type { CheckedConfig, ClusterNode, PodTemplate } from '../cluster/index.ts';

/**
 * Where agents run at all. There is one DaemonSet, which has Pods on every node that its template admits and deletes
 * those on all others; so this is the same for all ProxyConfigs, no part of what an agent is, and takes effect at once, as
 * far as that takes no agents away (`narrowing.ts`).
 */
export interface Placement {
  readonly tolerations: readonly Toleration[];
  /** Nodes without these labels have no agent. */
  readonly nodeSelector: LabelSelector | undefined;
}

/** core/v1 Affinity, as far as it is written here. */
interface Affinity {
  nodeAffinity?: {
    requiredDuringSchedulingIgnoredDuringExecution?: {
      nodeSelectorTerms: { matchExpressions?: LabelSelector['matchExpressions'] }[];
    };
  };
}

/**
 * Agents tolerate what any config names, and everything while one names nothing, is invalid, or there is none. How a node
 * is they tolerate whatever anybody says: some become Ready only when Services work on them.
 */
export function placementOf(configs: readonly CheckedConfig[], nodeSelector: LabelSelector | undefined): Placement {
  const named = configs.map(({ config }) => config.spec.agent?.tolerations);
  if (named.length === 0 || named.includes(undefined)) return { tolerations: tolerateEverything, nodeSelector };
  const each = new Map(
    [...toleratesConditions, ...named.flatMap((own = []) => own)].map((one) => [canonicalJson(one), one]),
  );
  return { tolerations: [...each].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one), nodeSelector };
}

/** The template with where its Pods are to run; what it said about that itself no longer counts. */
export function placed(template: PodTemplate, { tolerations, nodeSelector }: Placement): PodTemplate {
  const spec: PodTemplate['spec'] = { ...template.spec, tolerations };
  delete spec['affinity'];
  return { ...template, spec: { ...spec, ...(nodeSelector !== undefined && { affinity: affinityTo(nodeSelector) }) } };
}

/** Where a template that {@link placed} has made runs its Pods. What others have written there counts as everywhere. */
export function placementIn(template: PodTemplate): Placement {
  const { tolerations = [], affinity } = template.spec ?? {};
  const terms = (affinity as Affinity | undefined)?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const [term] = terms?.nodeSelectorTerms ?? [];
  return {
    tolerations: tolerations as readonly Toleration[],
    nodeSelector: term?.matchExpressions && { matchExpressions: term.matchExpressions },
  };
}

/** Whether the DaemonSet makes an agent on the node. */
export function admits({ tolerations, nodeSelector }: Placement, { labels, taints = [] }: ClusterNode): boolean {
  return selects(nodeSelector, labels) && areTolerated(taints, tolerations);
}

function affinityTo({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Affinity {
  const equal = Object.entries(matchLabels).map(([key, value]) => ({ key, operator: 'In' as const, values: [value] }));
  const terms = [{ matchExpressions: [...equal, ...matchExpressions] }];
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } };
}
