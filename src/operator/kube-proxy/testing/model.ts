import { kubeProxyLabel, revisionOf, withDefaults } from '../../../api/index.ts';
import type { NodeAssignment, ProxyConfigStatus, ProxyNodeState, RolloutPhase } from '../../../api/index.ts';
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

interface Machine {
  ready: boolean;
  word: Word;
  label: string | undefined;
  /** Its ProxyNodeState says that kube-proxy is parked. */
  told: boolean;
  /** kube-proxy's Pod there. */
  pod: 'none' | 'starting' | 'ready' | 'ending';
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
  daemonSet: { affinity: Affinity | undefined; labels: Record<string, string> } | undefined;
  allowed = true;
  now = Date.parse('2026-11-27T12:00:00Z');
  status: ProxyConfigStatus = {};

  constructor(names: readonly string[], wish: Wish, affinity: Affinity | undefined) {
    this.wish = wish;
    this.daemonSet = { affinity, labels: {} };
    for (const name of names) this.join(name);
  }

  join(name: string): void {
    this.machines.set(name, { ready: true, word: 'ready', label: undefined, told: false, pod: 'ready' });
  }

  nodes(): ClusterNode[] {
    return [...this.machines].map(([name, { ready, label }]) => {
      return { name, uid: name, ready, labels: label === undefined ? {} : { [kubeProxyLabel]: label } };
    });
  }

  get kubeProxy(): SeenKubeProxy {
    if (this.daemonSet === undefined) return { kind: 'absent' };
    const { affinity, labels } = this.daemonSet;
    const spec = { selector: {}, template: { spec: { affinity } } };
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

  /** The DaemonSet controller and kubelets go one step on. */
  controllers(): void {
    const seen = this.kubeProxy;
    const keepsAway = seen.kind === 'there' && seen.daemonSet.keepsAway;
    for (const machine of this.machines.values()) {
      const away = seen.kind === 'absent' || (keepsAway && machine.label === 'parked');
      // The controller makes Pods also for Nodes whose kubelet does nothing.
      if (machine.pod === 'none') machine.pod = away ? 'none' : 'starting';
      else if (machine.ready) machine.pod = away ? ending(machine.pod) : starting(machine.pod);
    }
  }

  #stateOf({ name }: ClusterNode): ProxyNodeState {
    const word = this.machines.get(name)?.word ?? 'pending';
    const said = { type: 'Synced', reason: 'Any', message: '', lastTransitionTime: '2026-11-27T00:00:00Z' };
    const status = word === 'failed' ? 'False' : 'True';
    const reported = word === 'pending' ? {} : { conditions: [{ ...said, status } as const] };
    const applied = word === 'ready' ? { appliedRevision: revision } : {};
    return { metadata: { name }, spec: target, status: { ...reported, ...applied } };
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

function ending(pod: Machine['pod']): Machine['pod'] {
  return pod === 'ending' ? 'none' : 'ending';
}

function starting(pod: Machine['pod']): Machine['pod'] {
  return pod === 'ending' ? 'none' : 'ready';
}
