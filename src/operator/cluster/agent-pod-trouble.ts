interface ContainerState {
  waiting?: { reason?: string; message?: string };
  terminated?: { exitCode?: number; reason?: string };
}

interface ContainerStatus {
  name: string;
  state?: ContainerState;
  lastState?: ContainerState;
}

/** core/v1 PodStatus, as far as it says why an agent does not run. */
export interface PodStatus {
  containerStatuses?: ContainerStatus[];
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  /** Where others make room for it. */
  nominatedNodeName?: string;
}

/** Words of a kubelet for a container that is on its way. A first pull that failed is tried again at once. */
const starting: readonly unknown[] = ['ContainerCreating', 'PodInitializing', 'ErrImagePull', undefined];

/** Why an agent's Pod does not run, and what to do; undefined while it does, or is on its way. */
export function troubleOf(pod: string, status: PodStatus | undefined): string | undefined {
  const container = status?.containerStatuses?.find(({ state }) => !starting.includes(state?.waiting?.reason));
  if (container !== undefined) return notRunning(pod, container);
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.reason !== 'Unschedulable' || status?.nominatedNodeName !== undefined) return undefined;
  return `the agent does not run: ${scheduled.reason}. ${whatToDo(pod, scheduled.reason)}${quoted(scheduled.message)}`;
}

function notRunning(pod: string, { name, state, lastState }: ContainerStatus): string {
  const { reason = 'Waiting', message } = state?.waiting ?? {};
  const { exitCode, reason: end } = lastState?.terminated ?? {};
  const ended = exitCode === undefined ? '' : ` It ended with exit code ${exitCode}${end ? ` (${end})` : ''}.`;
  const who = name === 'haproxy' ? 'HAProxy beside the agent' : 'the agent';
  return `${who} does not run: ${reason}.${ended} ${whatToDo(pod, reason, end)}${quoted(message)}`;
}

/** What others say may be long, and whoever shortens it must not cut off what to do. */
function quoted(message: string | undefined): string {
  return message ? `. ${message}` : '';
}

function whatToDo(pod: string, reason: string, end?: string): string {
  if (end === 'OOMKilled') return 'Raise spec.agent.resources.limits.memory';
  if (reason === 'Unschedulable') return `Lower spec.agent.resources; kubectl describe of Pod ${pod} says more`;
  if (/image/i.test(reason)) {
    return `Check the image's name, spec.agent.imagePullSecrets and the registry; kubectl describe of Pod ${pod} says more`;
  }
  if (reason === 'CrashLoopBackOff') return `kubectl logs --previous of Pod ${pod} has its last words`;
  return `kubectl describe of Pod ${pod} says more`;
}
