import { conditionOf, rfc3339 } from '../../api/index.ts';
import type { Condition, ProxyConfigStatus } from '../../api/index.ts';
import type { ConfigParking } from '../kube-proxy/index.ts';
import { verdict } from './conditions.ts';
import type { Verdict } from './conditions.ts';
import type { StatusInput } from './facts.ts';
import { namesOf } from './messages.ts';

type Stage = ConfigParking['stage'];

/** What each stage says, whatever nodes there are. */
const sentences: Record<
  Stage,
  { readonly is: Condition['status']; readonly says: (parking: ConfigParking) => string }
> = {
  AllNodesParked: { is: 'True', says: () => 'kube-proxy runs on none of the nodes that are Ready' },
  WaitingForRollout: {
    is: 'Unknown',
    says: () =>
      'no node is parked before all that are Ready have what this ProxyConfig says, or while it is paused or invalid',
  },
  Parking: {
    is: 'Unknown',
    says: ({ soakingSince }) =>
      soakingSince === undefined
        ? 'kube-proxy is being taken off the nodes'
        : `the first nodes have worked without kube-proxy since ${rfc3339(soakingSince)}; the others follow after soakSeconds`,
  },
  Restoring: { is: 'Unknown', says: () => 'kube-proxy is coming back: its Pods are waited for' },
  CannotSeeKubeProxy: {
    is: 'Unknown',
    says: ({ detail }) =>
      `cannot look at kube-proxy: ${detail ?? 'the first look is under way'}; see config/rbac/kube-proxy.yaml`,
  },
  ParkedNodeNotReady: {
    is: 'False',
    says: () =>
      'a node without kube-proxy does not work, is NotReady, or still has its rules (KubeProxyRules of the ' +
      'ProxyNodeState), so no other is parked; mend or delete it, or say Disabled',
  },
  RolloutFailed: {
    is: 'False',
    says: () => 'no node is parked until the rollout is Complete; nodes on which no agent works get kube-proxy back',
  },
  OwnedByOthers: {
    is: 'False',
    says: ({ detail }) =>
      `kube-proxy is left alone: its DaemonSet belongs to ${detail ?? 'somebody else'}, who would undo any change; ` +
      'take kube-proxy off the nodes there (docs/migration.md), and say Disabled here',
  },
  NoKubeProxy: {
    is: 'False',
    says: () => 'there is no such DaemonSet, so there is nothing to park (k3s and others have kube-proxy without one)',
  },
  SwitchedOff: {
    is: 'False',
    says: () => 'the operator was told to leave kube-proxy alone (--manage-kube-proxy=false)',
  },
  NotManaged: { is: 'False', says: () => 'kube-proxy runs wherever its DaemonSet says' },
};

/** How far kube-proxy is parked; nothing where that was never wanted. */
export function kubeProxyVerdict({ parking, previous }: StatusInput): Verdict[] {
  if (parking === undefined) return [];
  const { stage } = parking;
  if (stage === 'NotManaged' && conditionOf(previous?.conditions, 'KubeProxyParked') === undefined) return [];
  const { is, says } = sentences[stage];
  return [verdict('KubeProxyParked', is, stage, `${says(parking)}${whereabouts(parking)}`)];
}

/** E.g. ` (parked on 3 of 5; coming back on node-4)`. */
function whereabouts({ parked, restoring, ready }: ConfigParking): string {
  const parts = [
    ...(parked.length > 0 ? [`parked on ${parked.length}, ${ready} nodes are Ready`] : []),
    ...(restoring.length > 0 ? [`coming back on ${namesOf(restoring)}`] : []),
  ];
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}

/** The counts, and what the next operator has to know. */
export function kubeProxyStatus({ parking }: StatusInput): Pick<ProxyConfigStatus, 'kubeProxy'> {
  if (parking === undefined || parking.stage === 'NotManaged') return {};
  const { parked, restoring, soakingSince } = parking;
  const since = soakingSince !== undefined && { soakingSince: soakingSince.toISOString() };
  return { kubeProxy: { parked: parked.length, restoring: restoring.length, ...since } };
}
