import { agentSilent, contentHash, nextCondition } from '../../../api/index.ts';
import type { Condition, ProxyConfig, ProxyConfigSpec, ProxyNodeState } from '../../../api/index.ts';
import type { AgentPod, ClusterNode } from '../../cluster/index.ts';
import { cleanupsOf, operatorConditions, plan, withAgent } from '../../rollout/index.ts';
import type { ConfigPlan } from '../../rollout/index.ts';
import { configStatus } from '../config-status.ts';

/**
 * What an agent does with what it is told: applies it, says that it cannot, says nothing, cannot even run, or applies it
 * and cannot serve its own addresses.
 */
export type Behaviour = 'works' | 'fails' | 'silent' | 'crashes' | 'deaf';

/**
 * A cluster as the objects in its API server: ProxyConfigs, Nodes, ProxyNodeStates. The operator is `operate`, from one
 * plan to the objects; between two calls there is nothing else that could remember anything.
 */
export class ModelCluster {
  readonly configs = new Map<string, ProxyConfig>();
  readonly nodes = new Map<string, ClusterNode>();
  readonly states = new Map<string, ProxyNodeState>();
  /** The agents' Pods, by name of the node. */
  readonly pods = new Map<string, AgentPod>();
  /** Revision of the Pod template that the operator brings along. */
  agentRevision: string | undefined;
  now = Date.parse('2026-11-26T12:00:00Z');
  /** Since when the operator has been looking; undefined: for ever. */
  since: number | undefined;
  #uids = 0;

  /** Creates a config, or edits its spec. */
  apply(name: string, spec: ProxyConfigSpec): void {
    const before = this.configs.get(name);
    const status = before?.status;
    const generation = (before?.metadata.generation ?? 0) + 1;
    const metadata = before?.metadata ?? { name, uid: `config-${this.#uids++}`, creationTimestamp: this.#time() };
    this.configs.set(name, { metadata: { ...metadata, generation }, spec, ...(status && { status }) });
  }

  delete(name: string): void {
    this.configs.delete(name);
  }

  join(name: string, labels: Record<string, string> = {}): void {
    this.states.delete(name);
    this.nodes.set(name, { name, uid: `node-${this.#uids++}`, labels, ready: true });
  }

  leave(name: string): void {
    this.nodes.delete(name);
    this.pods.delete(name);
    this.states.delete(name);
  }

  change(name: string, change: Partial<ClusterNode>): void {
    const node = this.nodes.get(name);
    if (node !== undefined) this.nodes.set(name, { ...node, ...change });
  }

  /**
   * One plan, carried out. `told`: after how many nodes the operator is killed; 0: when it has just written what it
   * decided.
   */
  operate(told = Number.POSITIVE_INFINITY): ReadonlyMap<string, ConfigPlan> {
    const now = new Date(this.now);
    const stateOf = ({ name }: ClusterNode) => this.seen(name);
    const agents = { revisionOf: ({ agent }: ProxyConfigSpec) => this.agentRevisionOf(agent), runOn: () => true };
    const configs = [...this.configs.values()].map((config) => ({ config, errors: [] }));
    const { configs: plans, uncovered } = plan({
      ...{ configs, nodes: [...this.nodes.values()], stateOf, now, agents },
      ...(this.since !== undefined && { since: new Date(this.since) }),
    });
    let left = told;
    for (const [name, each] of plans) {
      const config = this.configs.get(name);
      if (config === undefined) continue;
      const status = configStatus({
        plan: each,
        stateOf,
        agents: undefined,
        wouldLoseAgents: [],
        previous: config.status,
        now,
      });
      this.configs.set(name, { ...config, status });
      for (const [node, spec] of each.tell) if (left-- > 0) this.#tell(node, spec);
    }
    this.#reportCoverage(new Set(uncovered), now);
    for (const [node, spec] of this.#cleanups(uncovered, now)) if (left-- > 0) this.#tell(node, spec);
    return plans;
  }

  #reportCoverage(uncovered: ReadonlySet<string>, now: Date): void {
    for (const [name, state] of this.states) {
      const known = { covered: !uncovered.has(name), silence: undefined, now };
      const conditions = this.nodes.has(name) ? operatorConditions(state, known) : undefined;
      if (conditions === undefined) continue;
      const said = ['Uncovered', ...conditions.map(({ type }) => type)];
      const others = state.status?.conditions?.filter(({ type }) => !said.includes(type)) ?? [];
      this.states.set(name, { ...state, status: { ...state.status, conditions: [...others, ...conditions] } });
    }
  }

  #cleanups(names: readonly string[], now: Date): ReadonlyMap<string, ProxyNodeState['spec']> {
    const configs = [...this.configs.values()].map((config) => ({ config, errors: [] }));
    const uncovered = names.flatMap((name) => {
      const [node, state] = [this.nodes.get(name), this.seen(name)];
      return node === undefined || state === undefined ? [] : [{ node, state }];
    });
    return cleanupsOf({ configs, uncovered, kindSince: new Date(0), now });
  }

  /** Revision of the Pod template of agents with these settings. */
  agentRevisionOf(agent: ProxyConfigSpec['agent']): string | undefined {
    if (this.agentRevision === undefined || agent === undefined) return this.agentRevision;
    return contentHash({ operator: this.agentRevision, agent });
  }

  /** What a node was told and says, as the operator sees it. */
  seen(name: string): ProxyNodeState | undefined {
    const state = this.states.get(name);
    return state && withAgent(state, this.pods.get(name));
  }

  /** The node gets the agent that it was told to run. */
  replaceAgent(name: string): void {
    const revision = this.states.get(name)?.spec.agentRevision ?? '';
    if (this.pods.get(name)?.revision === revision) return;
    const uid = `pod-${this.#uids++}`;
    this.pods.set(name, { name: uid, uid, node: name, revision, deleting: false, trouble: undefined });
  }

  /** The agent of a node reports on what it was told. */
  report(name: string, behaviour: Behaviour): void {
    this.#runs(name, behaviour !== 'crashes');
    const state = this.states.get(name);
    if (state === undefined || behaviour === 'silent' || behaviour === 'crashes') return;
    const uncovered = state.status?.conditions?.filter(({ type }) => type === 'Uncovered') ?? [];
    const { conditions, ...rest } = reportOf(state, behaviour !== 'fails');
    if (behaviour === 'deaf') conditions.push(cannotListen(state.metadata.generation ?? 0));
    this.states.set(name, {
      ...state,
      status: { ...rest, ...this.#agentOf(name), conditions: [...conditions, ...uncovered] },
    });
  }

  #agentOf(name: string): { agentRevision?: string } {
    const revision = this.pods.get(name)?.revision ?? '';
    return revision === '' ? {} : { agentRevision: revision };
  }

  #runs(name: string, runs: boolean): void {
    const pod = this.pods.get(name);
    const trouble = runs ? undefined : 'it crashes';
    if (pod !== undefined) this.pods.set(name, { ...pod, trouble });
  }

  /** The operator hears nothing of the agent of a node, and says so in its place. */
  fallSilent(name: string): void {
    const state = this.states.get(name);
    if (state === undefined) return;
    const said = { type: 'Synced', status: 'Unknown', reason: agentSilent, message: 'nothing is heard' } as const;
    const before = state.status?.conditions ?? [];
    const uncovered = before.filter(({ type }) => type === 'Uncovered');
    const conditions = [nextCondition(said, before, new Date(this.now)), ...uncovered];
    this.states.set(name, { ...state, status: { ...state.status, conditions } });
  }

  #tell(name: string, spec: ProxyNodeState['spec']): void {
    const before = this.states.get(name);
    const metadata = before?.metadata ?? { name, creationTimestamp: this.#time() };
    const generation = (before?.metadata.generation ?? 0) + 1;
    this.states.set(name, { ...before, metadata: { ...metadata, generation }, spec });
  }

  #time(): string {
    return `${new Date(this.now).toISOString().slice(0, 19)}Z`;
  }
}

/** What an agent says of what it was told; it never fails to clean up. */
function reportOf(
  { metadata, spec, status }: ProxyNodeState,
  works: boolean,
): { appliedRevision?: string; conditions: Condition[] } {
  const synced = syncedAs(works, metadata.generation ?? 0);
  if (spec.cleanup !== undefined) return { conditions: [{ ...synced, status: 'True', reason: 'CleanedUp' }] };
  const applied = works ? spec.revision : status?.appliedRevision;
  return { ...(applied !== undefined && { appliedRevision: applied }), conditions: [synced] };
}

function cannotListen(observedGeneration: number): Condition {
  return {
    ...{ type: 'Degraded', status: 'True', reason: 'CannotListen', message: 'no such address', observedGeneration },
    lastTransitionTime: '2026-11-26T12:00:00Z',
  };
}

function syncedAs(works: boolean, observedGeneration: number): Condition {
  return {
    ...{ type: 'Synced', observedGeneration, lastTransitionTime: '2026-11-26T12:00:00Z' },
    status: works ? 'True' : 'False',
    reason: works ? 'UpToDate' : 'SyncFailing',
    message: works ? 'fine' : 'the kernel refuses it',
  };
}
