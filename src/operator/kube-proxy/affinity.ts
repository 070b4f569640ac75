import { canonicalJson, kubeProxyLabel } from '../../api/index.ts';
import type { LabelSelectorRequirement } from '../../api/index.ts';

/** core/v1 NodeSelectorRequirement. */
export interface Requirement {
  key: string;
  operator: LabelSelectorRequirement['operator'] | 'Gt' | 'Lt';
  values?: string[];
}

/** core/v1 NodeSelectorTerm. */
export interface Term {
  matchExpressions?: Requirement[];
  matchFields?: Requirement[];
}

/** core/v1 Affinity, as far as it is looked at; the rest is kept as it is. */
export interface Affinity {
  nodeAffinity?: {
    requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms: Term[] };
    [field: string]: unknown;
  };
  [field: string]: unknown;
}

/** Keeps Pods away from Nodes on which kube-proxy is parked. */
const requirement: Requirement = { key: kubeProxyLabel, operator: 'NotIn', values: ['parked'] };

/**
 * The affinity with our requirement beside those that are there. Terms are alternatives, so that it goes into each; one
 * without any requirement matches no node, and stays so.
 */
export function withParking(affinity: Affinity = {}): Affinity {
  const terms = termsOf(affinity);
  const parked = terms.map((term) =>
    isEmpty(term) ? term : { ...term, matchExpressions: [...others(term), requirement] },
  );
  return withTerms(affinity, terms.length === 0 ? [{ matchExpressions: [requirement] }] : parked);
}

/** The affinity as it was before; undefined if nothing is left of it. */
export function withoutParking(affinity: Affinity | undefined): Affinity | undefined {
  if (affinity === undefined || !hasParking(affinity)) return affinity;
  const left = termsOf(affinity).flatMap((term) => (term.matchExpressions?.some(isOurs) ? cleared(term) : [term]));
  if (left.length > 0) return withTerms(affinity, left);
  const found = { ...affinity };
  const preferred = { ...affinity.nodeAffinity };
  delete preferred.requiredDuringSchedulingIgnoredDuringExecution;
  if (Object.keys(preferred).length > 0) found.nodeAffinity = preferred;
  else delete found.nodeAffinity;
  return Object.keys(found).length > 0 ? found : undefined;
}

/** Whether Pods are kept away from every Node that is labelled so. */
export function keepsAway(affinity: Affinity | undefined): boolean {
  const terms = termsOf(affinity ?? {}).filter((term) => !isEmpty(term));
  return hasParking(affinity) && terms.every((term) => term.matchExpressions?.some(isOurs));
}

/**
 * As JSON merge patch, what makes one affinity of the other. It replaces no more than the required node affinity, or takes
 * out whole what has nothing in it any more.
 */
export function affinityPatch(after: Affinity | undefined): object | null {
  if (after === undefined) return null;
  const { nodeAffinity } = after;
  if (nodeAffinity === undefined) return { nodeAffinity: null };
  const required = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution ?? null;
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
}

/** Whether any of it is ours. */
export function hasParking(affinity: Affinity | undefined): boolean {
  return termsOf(affinity ?? {}).some((term) => term.matchExpressions?.some(isOurs) ?? false);
}

function isOurs(given: Requirement): boolean {
  return canonicalJson(given) === canonicalJson(requirement);
}

function others({ matchExpressions = [] }: Term): Requirement[] {
  return matchExpressions.filter((each) => !isOurs(each));
}

/** A term without our requirement; none if that is all that it had. */
function cleared(term: Term): Term[] {
  const [found, left] = [{ ...term }, others(term)];
  if (left.length > 0) found.matchExpressions = left;
  else delete found.matchExpressions;
  return isEmpty(found) ? [] : [found];
}

/** A term without any requirement, which matches no node. */
export function isEmpty({ matchExpressions = [], matchFields = [] }: Term): boolean {
  return matchExpressions.length + matchFields.length === 0;
}

/** The alternatives of the required node affinity; none if nothing is required. */
export function termsOf({ nodeAffinity }: Affinity): readonly Term[] {
  return nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
}

function withTerms(affinity: Affinity, nodeSelectorTerms: Term[]): Affinity {
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms };
  return { ...affinity, nodeAffinity: { ...affinity.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution } };
}
