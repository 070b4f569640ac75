import { selects } from '../../kubernetes/index.ts';
import { areTolerated, toleratesConditions } from '../cluster/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { isEmpty, termsOf, withoutParking } from './affinity.ts';
import type { Requirement, Term } from './affinity.ts';
import type { KubeProxyDaemonSet } from './kube-proxy.ts';

/**
 * Whether the DaemonSet would have a Pod on the node if nothing were parked, as its controller decides by nodeSelector,
 * required node affinity and taints (kubernetes, pkg/controller/daemon, NodeShouldRunDaemonPod). Taints that say how a node
 * is do not count, also those that the controller does not tolerate by itself: they go, and then the Pod comes.
 */
export function isWantedOn(
  { nodeSelector, affinity = {}, tolerations }: KubeProxyDaemonSet,
  node: ClusterNode,
): boolean {
  const terms = termsOf(withoutParking(affinity) ?? {});
  return (
    selects({ matchLabels: nodeSelector }, node.labels) &&
    (terms.length === 0 || terms.some((term) => matches(term, node))) &&
    areTolerated(node.taints ?? [], [...tolerations, ...toleratesConditions])
  );
}

function matches(term: Term, { name, labels }: ClusterNode): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  // The one field that there is.
  const fields = { 'metadata.name': name };
  return (
    !isEmpty(term) &&
    matchExpressions.every((each) => meets(each, labels)) &&
    matchFields.every((each) => meets(each, fields))
  );
}

function meets({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  if (operator !== 'Gt' && operator !== 'Lt') return selects({ matchExpressions: [{ key, operator, values }] }, labels);
  const [is, bound] = [integer(labels[key]), integer(values[0])];
  return operator === 'Gt' ? is > bound : is < bound;
}

/** NaN for what is none, which is neither greater nor less than anything. */
function integer(text = ''): number {
  return /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
}
