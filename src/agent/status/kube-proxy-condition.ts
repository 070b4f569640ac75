import { howToRemoveLeft } from '../../kube-proxy-rules/index.ts';
import type { KubeProxyState } from '../kube-proxy/index.ts';
import type { Verdict } from './verdict.ts';

/** The condition `KubeProxyRules`. Nothing is degraded by it: connections are translated by whoever comes first. */
export function kubeProxyCondition(state: KubeProxyState): Verdict<'KubeProxyRules'> {
  const { parked, found, failure, cleaned } = state;
  if (parked && failure !== undefined) {
    return ['True', 'CleanupFailing', `cannot take kube-proxy's rules out, trying again: ${failure}`];
  }
  if (found.length === 0) {
    return cleaned
      ? ['False', 'CleanedUp', "kube-proxy's rules have been taken out"]
      : ['False', 'NoneFound', 'the kernel has no rules of kube-proxy'];
  }
  return parked
    ? parkedVerdict(state)
    : ['True', 'Present', `kube-proxy's rules are in the kernel: ${found.join(', ')}`];
}

function parkedVerdict({ found, kept, left }: KubeProxyState): Verdict<'KubeProxyRules'> {
  if (kept.length > 0) {
    const advice = "take those rules out, or have their owner do it; the rest of kube-proxy's rules is gone";
    return ['True', 'OthersUseThem', `rules of somebody else lead to ${kept.join(', ')}: ${advice}`];
  }
  if (left.length > 0) return ['True', 'CleanupFailing', `cannot take out ${left.join(', ')}: ${howToRemoveLeft}`];
  return ['True', 'Present', `kube-proxy's rules go as soon as nftproxy serves every Service: ${found.join(', ')}`];
}
