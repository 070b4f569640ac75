import { isReady, isTerminating } from './objects.ts';
import type { DaemonSet, Node, Pod } from './objects.ts';
import { madeFor, mayRunOn, placeOf, podFromTemplate, templateHash } from './scheduling.ts';

/** Label with the hash of the template that a DaemonSet's pod was made from. */
export const revisionLabel = 'controller-revision-hash';

/** What a DaemonSet needs done now, and the status to report. */
export interface DaemonSetPlan {
  create: Pod[];
  remove: Pod[];
  status: Record<string, number>;
}

/**
 * One pod on every node that matches; pods made from an older template are replaced, at most `maxUnavailable` at a time.
 * @param pods the pods that the DaemonSet owns, also those that are going.
 */
export function planDaemonSet(daemonSet: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]): DaemonSetPlan {
  const matching = nodes.filter((node) => mayRunOn(daemonSet.spec.template.spec, node));
  const names = new Set(matching.map((node) => node.metadata.name));
  const live = pods.filter((pod) => !isTerminating(pod));
  const here = live.filter((pod) => names.has(placeOf(pod) ?? ''));
  const occupied = new Set(pods.map(placeOf));
  const free = matching.filter((node) => !occupied.has(node.metadata.name));
  return {
    create: free.map((node) =>
      madeFor(podFromTemplate(daemonSet, 'DaemonSet', node.metadata.name, revisionLabel), node),
    ),
    remove: [...live.filter((pod) => !here.includes(pod)), ...outdated(daemonSet, matching.length, here)],
    status: statusOf(daemonSet, matching.length, here, live.length - here.length),
  };
}

function isUpToDate(daemonSet: DaemonSet, pod: Pod): boolean {
  return pod.metadata.labels?.[revisionLabel] === templateHash(daemonSet.spec.template);
}

/** Pods to replace now: those that do not work anyway, and working ones as far as `maxUnavailable` allows. */
function outdated(daemonSet: DaemonSet, desired: number, pods: readonly Pod[]): Pod[] {
  if (daemonSet.spec.updateStrategy?.type === 'OnDelete') return [];
  const old = pods.filter((pod) => !isUpToDate(daemonSet, pod));
  const broken = old.filter((pod) => !isReady(pod));
  const unavailable = desired - pods.filter(isReady).length;
  const allowed = Math.max(0, maxUnavailable(daemonSet, desired) - unavailable);
  return [...broken, ...old.filter(isReady).slice(0, allowed)];
}

function maxUnavailable(daemonSet: DaemonSet, desired: number): number {
  const value = daemonSet.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) / 100) * desired);
}

function statusOf(
  daemonSet: DaemonSet,
  desired: number,
  pods: readonly Pod[],
  misscheduled: number,
): Record<string, number> {
  const ready = pods.filter(isReady).length;
  return {
    currentNumberScheduled: pods.length,
    desiredNumberScheduled: desired,
    numberMisscheduled: misscheduled,
    numberReady: ready,
    numberAvailable: ready,
    numberUnavailable: desired - ready,
    updatedNumberScheduled: pods.filter((pod) => isUpToDate(daemonSet, pod)).length,
    observedGeneration: daemonSet.metadata.generation ?? 0,
  };
}
