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

function parkedVerdict({ found, kept, draining }: KubeProxyState): Verdict<'KubeProxyRules'> {
  if (kept.length > 0) {
    const advice = "take those rules out, or have their owner do it; the rest of kube-proxy's rules is gone";
    return ['True', 'OthersUseThem', `rules of somebody else lead to ${kept.join(', ')}: ${advice}`];
  }
  if (draining > 0) {
    const waiting = `${draining} virtual servers of kube-proxy's IPVS stay until their open connections end`;
    return ['True', 'Draining', `${waiting}: new connections do not come there`];
  }
  return ['True', 'Present', `kube-proxy's rules go as soon as nftproxy serves every Service: ${found.join(', ')}`];
}
