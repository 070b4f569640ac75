import type { KubernetesObject } from '../../kubernetes/index.ts';

/** Labels of the agents' Pods. */
export const agentLabels = { 'app.kubernetes.io/name': 'nftproxy', 'app.kubernetes.io/component': 'agent' } as const;

/** Label of an agent's Pod with the revision of the template that it was made from. */
export const agentRevisionLabel = 'nftproxy.io/agent-revision';

/** An agent's Pod, as far as it is looked at. */
export interface AgentPod {
  readonly name: string;
  readonly uid: string;
  /** Undefined before it is scheduled. */
  readonly node: string | undefined;
  /** Of the template that it was made from; empty if that has none. */
  readonly revision: string;
  readonly deleting: boolean;
  /** Why its container cannot run, for people; undefined while it runs or is only starting. */
  readonly trouble: string | undefined;
}

interface ContainerState {
  waiting?: { reason?: string; message?: string };
  terminated?: { exitCode?: number; reason?: string };
}

/** core/v1 Pod. */
interface Pod extends KubernetesObject {
  spec?: { nodeName?: string };
  status?: { containerStatuses?: { name: string; state?: ContainerState; lastState?: ContainerState }[] };
}

/** Words of a kubelet for a container that is on its way. A first pull that failed is tried again at once. */
const starting: readonly unknown[] = ['ContainerCreating', 'PodInitializing', 'ErrImagePull', undefined];

export function agentPodOf(raw: KubernetesObject): AgentPod {
  const { metadata, spec, status }: Pod = raw;
  const { name, uid = '', labels = {}, deletionTimestamp } = metadata;
  const statuses = status?.containerStatuses ?? [];
  const waiting = statuses.find(({ state }) => !starting.includes(state?.waiting?.reason));
  return {
    ...{ name, uid, node: spec?.nodeName, revision: labels[agentRevisionLabel] ?? '' },
    deleting: deletionTimestamp !== undefined,
    trouble: waiting && troubleOf(name, waiting),
  };
}

function troubleOf(pod: string, { state, lastState }: { state?: ContainerState; lastState?: ContainerState }): string {
  const { reason = 'Waiting', message = '' } = state?.waiting ?? {};
  const { exitCode, reason: end } = lastState?.terminated ?? {};
  const ended = exitCode === undefined ? '' : ` It ended with exit code ${exitCode}${end ? ` (${end})` : ''}.`;
  const look = `kubectl logs --previous of Pod ${pod} has its last words`;
  return `the agent does not run: ${reason}${message && `, ${message}`}.${ended} ${look}`;
}

/** Of two Pods on a node the one that stays. */
export function byNode(pods: Iterable<AgentPod>): ReadonlyMap<string, AgentPod> {
  const found = new Map<string, AgentPod>();
  for (const pod of pods) {
    if (pod.node === undefined) continue;
    if (!pod.deleting || !found.has(pod.node)) found.set(pod.node, pod);
  }
  return found;
}
