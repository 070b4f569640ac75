import type { KubernetesObject } from '../../kubernetes/index.ts';
import { troubleOf } from './agent-pod-trouble.ts';
import type { PodStatus } from './agent-pod-trouble.ts';

/** Label of an agent's Pod with the revision of the template that it was made from. */
export const agentRevisionLabel = 'nftproxy.io/agent-revision';

/** An agent's Pod, as far as it is looked at. */
export interface AgentPod {
  readonly name: string;
  readonly uid: string;
  /** Where it runs, or is to run; undefined if it does not say. */
  readonly node: string | undefined;
  /** Of the template that it was made from; empty if that has none. */
  readonly revision: string;
  readonly deleting: boolean;
  /** Why its container cannot run, for people; undefined while it runs or is only starting. */
  readonly trouble: string | undefined;
}

interface NodeSelector {
  nodeSelectorTerms?: { matchFields?: { key: string; values?: string[] }[] }[];
}

/** core/v1 Pod. */
interface Pod extends KubernetesObject {
  spec?: {
    nodeName?: string;
    affinity?: { nodeAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: NodeSelector } };
  };
  status?: PodStatus;
}

export function agentPodOf(raw: KubernetesObject): AgentPod {
  const pod: Pod = raw;
  const { name, uid = '', labels = {}, deletionTimestamp } = pod.metadata;
  return {
    ...{ name, uid, node: nodeOf(pod), revision: labels[agentRevisionLabel] ?? '' },
    deleting: deletionTimestamp !== undefined,
    trouble: troubleOf(name, pod.status),
  };
}

/** The DaemonSet controller makes each Pod for one node, and says so in its affinity until a scheduler finds room there. */
function nodeOf({ spec }: Pod): string | undefined {
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const fields = terms.flatMap(({ matchFields = [] }) => matchFields);
  return spec?.nodeName ?? fields.find(({ key }) => key === 'metadata.name')?.values?.[0];
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
