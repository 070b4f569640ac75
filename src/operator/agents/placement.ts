import { canonicalJson, tolerateEverything } from '../../api/index.ts';
import type { LabelSelector, Toleration } from '../../api/index.ts';
import { selects } from '../../kubernetes/index.ts';
import type { CheckedConfig, ClusterNode, PodTemplate, Taint } from '../cluster/index.ts';

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

/**
 * Taints that say how a node is, not whom it is for. They are tolerated whatever anybody says: some nodes become Ready
 * only when Services work on them.
 */
const ofNodes: readonly Toleration[] = [
  ...['disk-pressure', 'memory-pressure', 'network-unavailable', 'not-ready', 'pid-pressure'],
  ...['unreachable', 'unschedulable'],
].map((name) => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists' as const }));

/** core/v1 Affinity, as far as it is written here. */
interface Affinity {
  nodeAffinity?: {
    requiredDuringSchedulingIgnoredDuringExecution?: {
      nodeSelectorTerms: { matchExpressions?: LabelSelector['matchExpressions'] }[];
    };
  };
}

/** Agents tolerate what any config names, and everything while one names nothing, is invalid, or there is none. */
export function placementOf(configs: readonly CheckedConfig[], nodeSelector: LabelSelector | undefined): Placement {
  const named = configs.map(({ config }) => config.spec.agent?.tolerations);
  if (named.length === 0 || named.includes(undefined)) return { tolerations: tolerateEverything, nodeSelector };
  const each = new Map([...ofNodes, ...named.flatMap((own = []) => own)].map((one) => [canonicalJson(one), one]));
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
  return selects(nodeSelector, labels) && taints.every((taint) => isHarmless(taint, tolerations));
}

function affinityTo({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Affinity {
  const equal = Object.entries(matchLabels).map(([key, value]) => ({ key, operator: 'In' as const, values: [value] }));
  const terms = [{ matchExpressions: [...equal, ...matchExpressions] }];
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } };
}

/** As schedulers see it: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
function isHarmless(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return taint.effect === 'PreferNoSchedule' || tolerations.some((toleration) => tolerates(toleration, taint));
}

function tolerates({ key, operator, value = '', effect }: Toleration, taint: Taint): boolean {
  if (effect !== undefined && effect !== taint.effect) return false;
  if (key !== undefined && key !== taint.key) return false;
  return operator === 'Exists' || value === (taint.value ?? '');
}
