import { kubeProxyLabel, revisionOf, withDefaults } from '../../../api/index.ts';
import type { Condition, NodeAssignment, ProxyConfigStatus, ProxyNodeState, RolloutPhase } from '../../../api/index.ts';
import type { ClusterNode } from '../../cluster/index.ts';
import type { ConfigPlan } from '../../rollout/index.ts';
import { withoutParking, withParking } from '../affinity.ts';
import { daemonSetOf } from '../kube-proxy.ts';
import type { SeenKubeProxy } from '../kube-proxy.ts';
import { parkingOf } from '../plan.ts';
import type { ParkingInput, ParkingPlan } from '../plan.ts';
import type { Affinity } from '../affinity.ts';

const config = withDefaults({});
const revision = revisionOf(config);
const target: NodeAssignment = { configRef: { name: 'all', generation: 1 }, revision, config };

/** What an agent says of what its node was told. */
export type Word = 'ready' | 'failed' | 'pending';

const dedicatedTaint = { key: 'dedicated', value: 'edge', effect: 'NoExecute' };

interface Machine {
  ready: boolean;
  word: Word;
  label: string | undefined;
  /** Its ProxyNodeState says that kube-proxy is parked. */
  told: boolean;
  /** kube-proxy's Pod there. */
  pod: 'none' | 'starting' | 'ready' | 'ending';
  /** kube-proxy's rules are in its kernel. */
  rules: boolean;
  /** Its agent cannot take them out. */
  stuck: boolean;
  /** Of the Node: a label that kube-proxy's own affinity may be about, and a taint that it may tolerate. */
  fargate: boolean;
  dedicated: boolean;
}

/** The ProxyConfig that governs every machine. */
export interface Wish {
  enabled: boolean;
  exists: boolean;
  paused: boolean;
  phase: RolloutPhase;
  canaries: number;
  soakSeconds: number;
  maxUnavailable: number;
}

/**
 * A cluster as objects: a ProxyConfig, Nodes, their states, kube-proxy's DaemonSet and its Pods. `operate` is the operator, from
 * one plan to the objects; nothing else remembers anything.
 */
export class ParkingModel {
  readonly machines = new Map<string, Machine>();
  readonly wish: Wish;
  daemonSet: { affinity: Affinity | undefined; labels: Record<string, string>; tolerates: boolean } | undefined;
  allowed = true;
  now = Date.parse('2026-11-27T12:00:00Z');
  status: ProxyConfigStatus = {};

  constructor(names: readonly string[], wish: Wish, affinity: Affinity | undefined) {
    this.wish = wish;
    this.daemonSet = { affinity, labels: {}, tolerates: true };
    for (const name of names) this.join(name);
  }

  join(name: string): void {
    const kubeProxy = { label: undefined, told: false, pod: 'ready', rules: true, stuck: false } as const;
    this.machines.set(name, { ready: true, word: 'ready', fargate: false, dedicated: false, ...kubeProxy });
  }

  nodes(): ClusterNode[] {
    return [...this.machines].map(([name, { ready, label, fargate, dedicated }]) => {
      const labels = { ...(label !== undefined && { [kubeProxyLabel]: label }), ...(fargate && { fargate: 'true' }) };
      return { name, uid: name, ready, labels, ...(dedicated && { taints: [dedicatedTaint] }) };
    });
  }

  get kubeProxy(): SeenKubeProxy {
    if (this.daemonSet === undefined) return { kind: 'absent' };
    const { affinity, labels, tolerates } = this.daemonSet;
    const tolerations = tolerates ? [{ operator: 'Exists' }] : [];
    const spec = { selector: {}, template: { spec: { affinity, tolerations } } };
    const raw = { metadata: { name: 'kube-proxy', uid: 'u', labels }, spec };
    const daemonSet = daemonSetOf(raw);
    const pods = [...this.machines].filter(([, { pod }]) => pod !== 'none');
    return { kind: 'there', daemonSet, pods: new Map(pods.map(([name, { pod }]) => [name, pod === 'ready'])) };
  }

  plan(): ParkingPlan {
    return parkingOf(this.input());
  }

  input(): ParkingInput {
    const nodes = this.nodes();
    const { allowed } = this;
    const isTold = ({ name }: ClusterNode): boolean => this.machines.get(name)?.told ?? false;
    const plans = new Map(this.wish.exists ? [['all', this.#configPlan(nodes)]] : []);
    const { kubeProxy } = this;
    return {
      plans,
      nodes,
      stateOf: (node) => this.#stateOf(node),
      isTold,
      kubeProxy,
      allowed,
      now: new Date(this.now),
    };
  }

  /** One plan, carried out. `writes`: after how many the operator is killed. */
  operate(writes = Number.POSITIVE_INFINITY): ParkingPlan {
    const plan = this.plan();
    const own = plan.configs.get('all');
    const since = own?.soakingSince;
    this.status = own
      ? { kubeProxy: { parked: 0, restoring: 0, ...(since && { soakingSince: since.toISOString() }) } }
      : {};
    for (const write of this.#writesOf(plan).slice(0, writes)) write();
    return plan;
  }

  /** What the plan writes, in this order. */
  #writesOf({ told, labels, keepsAway }: ParkingPlan): (() => void)[] {
    const machines = [...this.machines];
    const toTell = machines.filter(([name, machine]) => machine.told !== told.has(name));
    const toLabel = machines.filter(([name]) => labels.has(name));
    return [
      ...toTell.map(
        ([name, machine]) =>
          () =>
            void (machine.told = told.has(name)),
      ),
      ...toLabel.map(
        ([name, machine]) =>
          () =>
            void (machine.label = labels.get(name)),
      ),
      ...(keepsAway === undefined ? [] : [() => this.#keepAway(keepsAway)]),
    ];
  }

  #keepAway(away: boolean): void {
    if (this.daemonSet === undefined) return;
    const { affinity } = this.daemonSet;
    this.daemonSet.affinity = away ? withParking(affinity) : withoutParking(affinity);
  }

  /** kube-proxy runs there if nothing parks it. */
  hasKubeProxy({ fargate, dedicated }: Pick<Machine, 'fargate' | 'dedicated'>): boolean {
    if (this.daemonSet === undefined) return false;
    const { affinity, tolerates } = this.daemonSet;
    return !(fargate && JSON.stringify(affinity ?? {}).includes('fargate')) && (tolerates || !dedicated);
  }

  /** The DaemonSet controller, kubelets and agents go one step on. */
  controllers(): void {
    const seen = this.kubeProxy;
    const keepsAway = seen.kind === 'there' && seen.daemonSet.keepsAway;
    for (const machine of this.machines.values()) {
      const away = !this.hasKubeProxy(machine) || (keepsAway && machine.label === 'parked');
      nextPod(machine, away);
      nextRules(machine);
    }
  }

  #stateOf({ name }: ClusterNode): ProxyNodeState {
    const machine = this.machines.get(name);
    const metadata = { name };
    if (machine === undefined || machine.word === 'pending') return { metadata, spec: target, status: {} };
    const applied = machine.word === 'ready' ? { appliedRevision: revision } : {};
    return { metadata, spec: target, status: { conditions: conditionsOf(machine), ...applied } };
  }

  #configPlan(won: ClusterNode[]): ConfigPlan {
    const { enabled, paused, phase, canaries, soakSeconds, maxUnavailable } = this.wish;
    const rollout = { paused, canary: { nodes: canaries, soakSeconds }, maxUnavailable };
    const at = new Date(this.now).toISOString();
    const spec = { rollout, kubeProxyManagement: enabled ? ('Enabled' as const) : ('Disabled' as const) };
    return {
      checked: { config: { metadata: { name: 'all', generation: 1 }, spec, status: this.status }, errors: [] },
      share: { won, selected: won.length, unsupported: [], uncovered: [] },
      ...{ target, settled: target, failures: [], tell: new Map() },
      rollout: { phase, startedAt: at, lastProgressAt: at },
    };
  }
}

/** What an agent says that has reported. */
function conditionsOf({ word, rules, stuck, told }: Machine): Condition[] {
  const said = { message: '', lastTransitionTime: '2026-11-27T00:00:00Z' };
  const reason = stuck && told ? 'CleanupFailing' : 'Present';
  return [
    { ...said, type: 'Synced', status: word === 'failed' ? 'False' : 'True', reason: 'Any' },
    { ...said, type: 'KubeProxyRules', status: rules ? 'True' : 'False', reason },
  ];
}

/** The controller makes Pods also for Nodes whose kubelet does nothing. */
function nextPod(machine: Machine, away: boolean): void {
  if (machine.pod === 'none') machine.pod = away ? 'none' : 'starting';
  else if (machine.ready) machine.pod = away ? ending(machine.pod) : starting(machine.pod);
}

/** kube-proxy writes its rules, and an agent that works takes them out. */
function nextRules(machine: Machine): void {
  const { pod, told, ready, word, stuck } = machine;
  if (pod === 'ready') machine.rules = true;
  else if (told && ready && word === 'ready' && !stuck) machine.rules = false;
}

function ending(pod: Machine['pod']): Machine['pod'] {
  return pod === 'ending' ? 'none' : 'ending';
}

function starting(pod: Machine['pod']): Machine['pod'] {
  return pod === 'ending' ? 'none' : 'ready';
}
