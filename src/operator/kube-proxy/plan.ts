import { effectiveRollout } from '../../api/index.ts';
import type { ProxyNodeState } from '../../api/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { byTrialOrder, isStopped, progressOf } from '../rollout/index.ts';
import type { ConfigPlan, Progress } from '../rollout/index.ts';
import type { SeenKubeProxy } from './kube-proxy.ts';
import { isBack, isGone, labelOf, rulesOf } from './nodes.ts';
import type { ParkingLabel } from './nodes.ts';
import { stepOf } from './stage.ts';
import type { Stage, Step } from './stage.ts';

/** All that parking depends on: objects, and the time. */
export interface ParkingInput {
  readonly plans: ReadonlyMap<string, ConfigPlan>;
  readonly nodes: readonly ClusterNode[];
  readonly stateOf: (node: ClusterNode) => ProxyNodeState | undefined;
  /** The node's ProxyNodeState, as it is stored, says that kube-proxy is parked. */
  readonly isTold: (node: ClusterNode) => boolean;
  readonly kubeProxy: SeenKubeProxy;
  /** False: the operator was told to leave kube-proxy everywhere. */
  readonly allowed: boolean;
  readonly now: Date;
}

/** Where kube-proxy is among the nodes of one config. */
export interface ConfigParking {
  readonly stage:
    Stage | 'CannotSeeKubeProxy' | 'NoKubeProxy' | 'OwnedByOthers' | 'SwitchedOff' | 'Restoring' | 'NotManaged';
  /** Names of its nodes on which it is not to run. */
  readonly parked: readonly string[];
  /** Names of its nodes on which it is to run again, and is waited for. */
  readonly restoring: readonly string[];
  /** Nodes that are Ready, and all. */
  readonly ready: number;
  readonly soakingSince: Date | undefined;
  /** Why kube-proxy cannot be looked at, or who owns it. */
  readonly detail: string | undefined;
}

/** What is to be done, and said before it is done. */
export interface ParkingPlan {
  /** Label of Nodes that it is to be changed on; undefined takes it away. */
  readonly labels: ReadonlyMap<string, ParkingLabel | undefined>;
  /** Whether the DaemonSet's Pods are to stay away from parked Nodes from now on; undefined: it is not touched. */
  readonly keepsAway: boolean | undefined;
  /** Names of nodes whose agents are to know that kube-proxy has gone. */
  readonly told: ReadonlySet<string>;
  readonly configs: ReadonlyMap<string, ConfigParking>;
  /** When something changes by time alone, in seconds from now. */
  readonly againIn: number | undefined;
}

/** What is wished for a node: `hold` leaves it as it is. */
type Wish = 'park' | 'restore' | 'hold';

/** Whether anything depends on where kube-proxy runs: somebody wants it parked, or a Node is labelled. */
export function concernsKubeProxy(plans: ReadonlyMap<string, ConfigPlan>, nodes: readonly ClusterNode[]): boolean {
  return [...plans.values()].some(wantsParking) || nodes.some((node) => labelOf(node) !== undefined);
}

/**
 * Where kube-proxy is parked next, and where it comes back. Pure, and without memory: Node labels say what was decided, so
 * that any operator goes on where another one ended.
 *
 * A node goes from no label to `parked`, to `restoring`, to none. The first keeps the DaemonSet's Pod away; when that is
 * gone the agent is told, which takes its rules away. On the way back the agent is told first, then the label lets the
 * Pod come, and it goes when that is ready.
 */
export function parkingOf(input: ParkingInput): ParkingPlan {
  const wishes = wishesOf(input);
  const steps = stepsOf(input, wishes);
  const chosen = [...steps.values()].flatMap(({ park }) => park);
  const wishOf = ({ name }: ClusterNode): Wish => wishes.get(name) ?? 'restore';
  const labels = new Map<string, ParkingLabel | undefined>([
    ...input.nodes
      .filter((node) => isToReturn(node, wishOf(node), input))
      .map(({ name }) => [name, 'restoring'] as const),
    ...input.nodes.filter((node) => isReturned(node, input)).map(({ name }) => [name, undefined] as const),
    ...chosen.map(({ name }) => [name, 'parked'] as const),
  ]);
  const told = input.nodes.filter((node) => isToBeTold(node, wishOf(node), input));
  const times = [...steps.values()].flatMap(({ soakedIn = 0 }) => (soakedIn > 0 ? [soakedIn] : []));
  return {
    labels,
    keepsAway: isToKeepAway(input),
    told: new Set(told.map(({ name }) => name)),
    configs: new Map([...input.plans].map(([name, plan]) => [name, configParking(plan, steps.get(name), input)])),
    againIn: times.length === 0 ? undefined : Math.min(...times),
  };
}

function wishesOf(input: ParkingInput): ReadonlyMap<string, Wish> {
  const wishes = new Map<string, Wish>();
  for (const plan of input.plans.values()) {
    const wanted = wantsParking(plan) && input.allowed && !isOwned(input.kubeProxy);
    const atFault = wanted ? faulty(plan, input) : new Set<string>();
    const invalid = plan.checked.errors.length > 0;
    for (const { name } of plan.share.won) {
      wishes.set(name, invalid ? 'hold' : wanted && !atFault.has(name) ? 'park' : 'restore');
    }
  }
  return wishes;
}

function wantsParking({ checked: { config } }: ConfigPlan): boolean {
  return config.spec.kubeProxyManagement === 'Enabled';
}

/** Nodes that a rollout which has failed leaves without an agent that works. */
function faulty(plan: ConfigPlan, { stateOf, now }: ParkingInput): ReadonlySet<string> {
  const { rollout } = plan;
  if (rollout === undefined || !isStopped(rollout)) return new Set();
  const { progressDeadlineSeconds } = effectiveRollout(plan.checked.config.spec.rollout);
  const late = now.getTime() - Date.parse(rollout.lastProgressAt) > progressDeadlineSeconds * 1000;
  const given: Progress[] = late ? ['failed', 'silent', 'pending'] : ['failed', 'silent'];
  const fails = plan.share.won.filter((node) => given.includes(ownProgress(plan, node, stateOf)));
  return new Set(fails.map(({ name }) => name));
}

/** How the node does with what it was told, whether that is what the config wants or what it went back to. */
function ownProgress(plan: ConfigPlan, node: ClusterNode, stateOf: ParkingInput['stateOf']): Progress {
  const state = stateOf(node);
  const own = { ...plan, share: { ...plan.share, won: [node] }, target: state?.spec ?? plan.target, failures: [] };
  return progressOf(own, stateOf, () => false)[0]?.progress ?? 'pending';
}

function stepsOf(input: ParkingInput, wishes: ReadonlyMap<string, Wish>): ReadonlyMap<string, Step> {
  if (!isFree(input.kubeProxy)) return new Map();
  const wanting = [...input.plans].filter(([, plan]) => plan.checked.errors.length === 0 && wantsParking(plan));
  return new Map(
    wanting.map(([name, plan]) => {
      const progress = new Map(
        progressOf(plan, input.stateOf, () => false).map((each) => [each.name, each.progress] as const),
      );
      const members = plan.share.won.toSorted(byTrialOrder).map((node) => ({
        ...{ node, progress: progress.get(node.name) ?? 'pending', wanted: wishes.get(node.name) === 'park' },
        rules: rulesOf(input.stateOf(node)),
        settled: input.isTold(node) && isGone(node, input.kubeProxy),
      }));
      return [name, input.allowed ? stepOf(plan, members, input.now) : nothing];
    }),
  );
}

const nothing: Step = { stage: 'WaitingForRollout', park: [], soakingSince: undefined, soakedIn: undefined };

/** It is there, and nobody would undo what is changed of it. */
function isFree(kubeProxy: SeenKubeProxy): boolean {
  return kubeProxy.kind === 'there' && kubeProxy.daemonSet.owner === undefined;
}

function isOwned(kubeProxy: SeenKubeProxy): boolean {
  return kubeProxy.kind === 'there' && kubeProxy.daemonSet.owner !== undefined;
}

/** Its agent first stops to take kube-proxy's rules for rubbish. */
function isToReturn(node: ClusterNode, wish: Wish, { isTold }: ParkingInput): boolean {
  return labelOf(node) === 'parked' && wish === 'restore' && !isTold(node);
}

function isReturned(node: ClusterNode, { kubeProxy }: ParkingInput): boolean {
  return labelOf(node) === 'restoring' && isBack(node, kubeProxy);
}

/** Only while a Node is parked; undefined if it is so, or the DaemonSet is not ours to change. */
function isToKeepAway({ kubeProxy, nodes }: ParkingInput): boolean | undefined {
  if (kubeProxy.kind !== 'there' || isOwned(kubeProxy)) return undefined;
  const parked = nodes.some((node) => labelOf(node) === 'parked');
  return parked === (parked ? kubeProxy.daemonSet.keepsAway : kubeProxy.daemonSet.changed) ? undefined : parked;
}

/** While nobody can say whether kube-proxy is there, everybody goes on with what was said last. */
function isToBeTold(node: ClusterNode, wish: Wish, { kubeProxy, isTold }: ParkingInput): boolean {
  if (labelOf(node) !== 'parked' || wish === 'restore') return false;
  return kubeProxy.kind === 'there' ? isGone(node, kubeProxy) : isTold(node);
}

function configParking(plan: ConfigPlan, step: Step | undefined, input: ParkingInput): ConfigParking {
  const { won } = plan.share;
  const named = (label: ParkingLabel): string[] =>
    won
      .filter((node) => labelOf(node) === label)
      .map(({ name }) => name)
      .sort();
  const [parked, restoring] = [named('parked'), named('restoring')];
  return {
    stage: stageOf(plan, step, { ...input, labelled: parked.length + restoring.length > 0 }),
    ...{ parked, restoring, ready: won.filter(({ ready }) => ready).length, soakingSince: step?.soakingSince },
    detail: detailOf(input.kubeProxy),
  };
}

function stageOf(
  plan: ConfigPlan,
  step: Step | undefined,
  { allowed, kubeProxy, labelled }: Pick<ParkingInput, 'allowed' | 'kubeProxy'> & { labelled: boolean },
): ConfigParking['stage'] {
  if (plan.checked.errors.length > 0) return labelled ? 'WaitingForRollout' : 'NotManaged';
  const wanted = wantsParking(plan);
  if (wanted && allowed) return obstacleIn(kubeProxy) ?? step?.stage ?? 'WaitingForRollout';
  if (labelled) return 'Restoring';
  return wanted ? 'SwitchedOff' : 'NotManaged';
}

/** Why nothing can be parked; undefined if it can. */
function obstacleIn(kubeProxy: SeenKubeProxy): ConfigParking['stage'] | undefined {
  if (kubeProxy.kind === 'unknown') return 'CannotSeeKubeProxy';
  if (kubeProxy.kind === 'absent') return 'NoKubeProxy';
  return isOwned(kubeProxy) ? 'OwnedByOthers' : undefined;
}

function detailOf(kubeProxy: SeenKubeProxy): string | undefined {
  if (kubeProxy.kind === 'unknown') return kubeProxy.trouble;
  return kubeProxy.kind === 'there' ? kubeProxy.daemonSet.owner : undefined;
}
