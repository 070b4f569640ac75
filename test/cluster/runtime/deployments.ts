import { isFinished, isReady, isTerminating } from './objects.ts';
import type { Condition, Deployment, Node, Pod, PodSpec } from './objects.ts';
import { mayRunOn, podFromTemplate, templateHash } from './scheduling.ts';

/** Label with the hash of the template that a Deployment's pod was made from. */
export const hashLabel = 'pod-template-hash';

/** What a Deployment needs done now, and the status to report. */
export interface DeploymentPlan {
  create: Pod[];
  remove: Pod[];
  status: object;
}

/**
 * As many pods as `replicas`, spread evenly over the nodes that match. (There are no ReplicaSets here: the Deployment
 * owns its pods.) Pods made from an older template are replaced as `strategy` says, by default one at a time and the new
 * one first. A pod that needs a port of its node's waits until no other of the Deployment has that port there.
 * @param pods the pods that the Deployment owns, also those that are going.
 * @param now RFC 3339, for conditions that change.
 */
export function planDeployment(
  deployment: Deployment,
  nodes: readonly Node[],
  pods: readonly Pod[],
  now: string,
): DeploymentPlan {
  const desired = deployment.spec.replicas ?? 1;
  const { surge, unavailable } = strategyOf(deployment);
  const hash = templateHash(deployment.spec.template);
  const live = pods.filter((pod) => !isTerminating(pod) && !isFinished(pod));
  const current = live.filter((pod) => pod.metadata.labels?.[hashLabel] === hash);
  const old = live.filter((pod) => !current.includes(pod));
  const missing = Math.max(0, Math.min(desired - current.length, desired + surge - live.length));
  const free = nodes.filter((node) => hasPortsFor(deployment, node, pods));
  return {
    create: placePods(deployment, free, live, missing),
    remove: [...surplus(current, desired), ...replaceable(old, current, desired - unavailable)],
    status: statusOf(deployment, { live, current, desired, needed: desired - unavailable }, now),
  };
}

/** Numbers as they are; shares come to what they are for a few pods: one more, none less. */
function strategyOf({ spec }: Deployment): { surge: number; unavailable: number } {
  const { maxSurge, maxUnavailable } = spec.strategy?.rollingUpdate ?? {};
  return {
    surge: typeof maxSurge === 'number' ? maxSurge : 1,
    unavailable: typeof maxUnavailable === 'number' ? maxUnavailable : 0,
  };
}

/** As the scheduler sees it: also a pod that is going has its host ports. */
function hasPortsFor(deployment: Deployment, node: Node, pods: readonly Pod[]): boolean {
  const wanted = hostPorts(deployment.spec.template.spec);
  const there = pods.filter((pod) => pod.spec.nodeName === node.metadata.name && !isFinished(pod));
  return !there.some((pod) => hostPorts(pod.spec).some((port) => wanted.includes(port)));
}

function hostPorts({ containers }: PodSpec): number[] {
  return containers.flatMap(({ ports = [] }) => ports.flatMap(({ hostPort }) => hostPort ?? []));
}

/** Too many: first those that are not ready, then those on the nodes with the most pods, the youngest first. */
function surplus(current: readonly Pod[], desired: number): Pod[] {
  const remaining = [...current];
  const removed: Pod[] = [];
  while (remaining.length > desired) {
    const perNode = (pod: Pod) => remaining.filter((other) => other.spec.nodeName === pod.spec.nodeName).length;
    const [first] = remaining.toSorted(
      (a, b) =>
        Number(isReady(a)) - Number(isReady(b)) ||
        perNode(b) - perNode(a) ||
        (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''),
    );
    if (first === undefined) break;
    remaining.splice(remaining.indexOf(first), 1);
    removed.push(first);
  }
  return removed;
}

/** Old pods that may go: those not ready, and of the ready ones as many as are not needed. */
function replaceable(old: readonly Pod[], current: readonly Pod[], needed: number): Pod[] {
  const ready = [...old, ...current].filter(isReady).length;
  const spare = Math.max(0, ready - needed);
  return [...old.filter((pod) => !isReady(pod)), ...old.filter(isReady).slice(0, spare)];
}

function placePods(deployment: Deployment, nodes: readonly Node[], live: readonly Pod[], count: number): Pod[] {
  const matching = nodes.filter((node) => mayRunOn(deployment.spec.template.spec, node));
  const load = new Map(matching.map((node) => [node.metadata.name, 0]));
  const add = (name: string) => load.set(name, (load.get(name) ?? 0) + 1);
  for (const pod of live) if (load.has(pod.spec.nodeName ?? '')) add(pod.spec.nodeName ?? '');
  const created: Pod[] = [];
  const room = hostPorts(deployment.spec.template.spec).length > 0 ? matching.length : count;
  for (let index = 0; index < Math.min(count, room) && matching.length > 0; index += 1) {
    const [emptiest] = [...load].toSorted(([, a], [, b]) => a - b)[0] ?? [''];
    created.push(podFromTemplate(deployment, 'Deployment', emptiest, hashLabel));
    add(emptiest);
  }
  return created;
}

/** What a Deployment's status tells of. */
interface Present {
  readonly live: readonly Pod[];
  /** Those of the present template. */
  readonly current: readonly Pod[];
  readonly desired: number;
  /** As many are to be there always. */
  readonly needed: number;
}

function statusOf(deployment: Deployment, { live, current, desired, needed }: Present, now: string): object {
  const ready = live.filter(isReady).length;
  const available = ready >= needed;
  const complete = current.filter(isReady).length === desired && live.length === desired;
  const conditions = [
    {
      type: 'Available',
      holds: available,
      reason: available ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    },
    { type: 'Progressing', holds: true, reason: complete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated' },
  ];
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: live.length,
    updatedReplicas: current.length,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, desired - ready),
    conditions: conditions.map(({ type, holds, reason }): Condition => {
      const status = holds ? 'True' : 'False';
      const last = deployment.status?.conditions?.find((candidate) => candidate.type === type);
      const lastTransitionTime = last?.status === status ? (last.lastTransitionTime ?? now) : now;
      return { type, status, reason, message: '', lastTransitionTime };
    }),
  };
}
