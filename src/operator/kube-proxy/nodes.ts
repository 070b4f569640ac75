import { conditionOf, kubeProxyLabel } from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import type { SeenKubeProxy } from './kube-proxy.ts';
import { isWantedOn } from './wanted.ts';

/** Values of the label on Nodes. Without it kube-proxy runs there as it always did. */
export type ParkingLabel = 'parked' | 'restoring';

/** What the label of a Node says; a word that is none of ours counts as `restoring`, which takes it away. */
export function labelOf({ labels }: ClusterNode): ParkingLabel | undefined {
  const label = labels[kubeProxyLabel];
  return label === undefined || label === 'parked' ? label : 'restoring';
}

/** Whether kube-proxy is known to run nowhere on the node, and to stay away as long as that is labelled `parked`. */
export function isGone(node: ClusterNode, kubeProxy: SeenKubeProxy): boolean {
  return kubeProxy.kind === 'there' && kubeProxy.daemonSet.keepsAway && !kubeProxy.pods.has(node.name);
}

/** What is in a node's kernel of kube-proxy's rules that translates, in its agent's words; `stuck`: it cannot take them out. */
export type RulesLeft = 'none' | 'some' | 'stuck';

const harmless: readonly (string | undefined)[] = ['OthersUseThem', 'Draining'];

/**
 * Chains that somebody else uses do not count: nothing of kube-proxy's leads there any more. Nor do virtual servers to
 * which no new connection comes. Nor does an agent that says nothing, which had said that there are some before kube-proxy
 * could be parked beside it.
 */
export function rulesOf(state: ProxyNodeState | undefined): RulesLeft {
  const said = conditionOf(state?.status?.conditions, 'KubeProxyRules');
  if (said?.status !== 'True' || harmless.includes(said.reason)) return 'none';
  return said.reason === 'CleanupFailing' ? 'stuck' : 'some';
}

/** Whether kube-proxy works on the node again, or there is none that would. */
export function isBack(node: ClusterNode, kubeProxy: SeenKubeProxy): boolean {
  if (kubeProxy.kind !== 'there') return kubeProxy.kind === 'absent';
  return kubeProxy.pods.get(node.name) === true || !isWantedOn(kubeProxy.daemonSet, node);
}
