import { expect } from 'vitest';
import { effectiveRollout } from '../../../api/index.ts';
import type { ProxyNodeState } from '../../../api/index.ts';
import type { ConfigPlan } from '../../rollout/index.ts';
import {
  checkFailures,
  checkUnavailable,
  governedBy,
  isClean,
  mostOf,
  onTrial,
  stoppedPhase,
  works,
} from './bounds.ts';
import type { Seen } from './bounds.ts';
import { kstatus, waitReturns } from './kstatus.ts';
import { ModelCluster } from './model-cluster.ts';
import type { Behaviour } from './model-cluster.ts';
import type { Behaviours } from './stories.ts';

const tick = 20_000;

/** A cluster under test: what every plan tells is looked at before and after it is carried out. */
export class WatchedCluster extends ModelCluster {
  readonly #had = new Map<string, Set<string>>();
  readonly #stopped = new Map<string, string>();
  readonly #bad: Behaviours;
  #late = false;
  readonly #dead = new Set<string>();

  constructor(bad: Behaviours) {
    super();
    this.#bad = bad;
  }

  override operate(told?: number): ReadonlyMap<string, ConfigPlan> {
    const before = new Map([...this.states.keys()].map((name) => [name, this.seen(name)]));
    const plans = super.operate(told);
    for (const [name, each] of plans) {
      const mine = each.share.won.map((node) => {
        const [was, next] = [before.get(node.name), each.tell.get(node.name)];
        return { node, was, told: next, has: next ?? was?.spec };
      });
      checkUnavailable(each, mine, this.now);
      checkFailures(each, mine);
      this.#checkStopped(name, each, mine);
      for (const seen of mine) this.#checkWayBack(each, seen);
      this.#checkGitOps(name, each, mine);
      expect(JSON.stringify(this.configs.get(name)?.status).length).toBeLessThan(16_384);
    }
    this.#checkCleanups(before, plans);
    for (const name of before.keys()) expect(this.states.has(name), `${name} keeps what it has`).toBe(true);
    for (const [name, state] of this.states) this.#knownOf(name).add(state.spec.revision);
    return plans;
  }

  /** Rules are taken from nodes that nobody governs and that were told so, few at a time. */
  #checkCleanups(
    before: ReadonlyMap<string, ProxyNodeState | undefined>,
    plans: ReadonlyMap<string, ConfigPlan>,
  ): void {
    const governed = governedBy(plans);
    const told = [...this.states].filter(([name, { spec }]) => spec.cleanup && !before.get(name)?.spec.cleanup);
    for (const [name, { spec }] of told) {
      expect(governed.has(name), `${name} is governed`).toBe(false);
      expect(before.get(name)?.spec.config.onDelete).toBe('Cleanup');
      if (this.nodes.get(name)?.ready) this.#checkUnderWay(spec.configRef.name, governed);
    }
  }

  /** Nodes of a config that have been told to remove their rules, and have not said so for less than ten minutes. */
  #checkUnderWay(config: string, governed: ReadonlySet<string>): void {
    const same = [...this.states].filter(([name, { spec }]) => spec.configRef.name === config && !governed.has(name));
    const underWay = same.filter(([name, state]) => {
      const since = this.now - Date.parse(state.spec.cleanup?.startedAt ?? '');
      return since < 600_000 && this.nodes.get(name)?.ready && !isClean(state);
    });
    const most = mostOf(effectiveRollout(this.configs.get(config)?.spec.rollout).maxUnavailable, same.length);
    expect(underWay.length, 'being cleaned up').toBeLessThanOrEqual(most);
  }

  agents(): void {
    for (const [name, { ready }] of this.nodes) {
      // Whatever becomes of its Pod, nobody hears of it.
      if (this.#dead.has(name)) this.fallSilent(name);
      if (this.#dead.has(name) || !ready) continue;
      // An agent that is about to be replaced may still say that it has what the node was told.
      if (this.#late) this.report(name, this.#behaviourOf(name));
      this.replaceAgent(name);
      if (!this.#late) this.report(name, this.#behaviourOf(name));
    }
    this.#late = !this.#late;
  }

  /** The agent of a node ends, or is back. */
  agent(name: string, alive: boolean): void {
    if (alive) this.#dead.delete(name);
    else this.#dead.add(name);
  }

  /** Operator and agents take turns. */
  pass(ticks: number): void {
    for (let n = 0; n < ticks; n++) {
      this.operate();
      this.now += tick;
      this.agents();
    }
  }

  /** All ProxyConfigs go, and what follows from that is waited for. */
  deleteAll(): void {
    for (const config of this.configs.keys()) this.delete(config);
    this.rest();
  }

  /** Until nothing changes any more for longer than anybody waits. */
  rest(): void {
    let quiet = 0;
    for (let n = 0; n < 1000 && quiet < 10; n++) {
      const before = JSON.stringify([...this.configs, ...this.states, ...this.pods]);
      this.pass(1);
      quiet = before === JSON.stringify([...this.configs, ...this.states, ...this.pods]) ? quiet + 1 : 0;
    }
    expect(quiet, 'everything comes to rest').toBe(10);
  }

  #behaviourOf(name: string): Behaviour {
    const crashing = this.#bad[this.pods.get(name)?.revision ?? ''];
    if (crashing?.where.includes(name)) return crashing.how;
    const bad = this.#bad[this.states.get(name)?.spec.config.loadBalancing.algorithm ?? ''];
    return bad?.where.includes(name) ? bad.how : 'works';
  }

  #knownOf(name: string): Set<string> {
    const key = `${name} ${this.nodes.get(name)?.uid ?? ''}`;
    const known = this.#had.get(key) ?? new Set();
    this.#had.set(key, known);
    return known;
  }

  /** Whoever waits for it is neither told too early that all is well, nor left to wait for what only a person can mend. */
  #checkGitOps(name: string, { rollout, target }: ConfigPlan, mine: readonly Seen[]): void {
    const config = this.configs.get(name);
    if (config === undefined) return;
    const said = kstatus(config);
    expect(waitReturns(config), JSON.stringify(config.status)).toBe(said === 'Current');
    if (said === 'Current') {
      const without = mine.filter(
        ({ node, was }) => node.ready && !(was?.spec.revision === target?.revision && works(was)),
      );
      expect(without.map(({ node }) => node.name)).toEqual([]);
      // Nobody waits for nodes that are NotReady.
      expect(mine.filter(({ node, told }) => node.ready && told !== undefined)).toEqual([]);
    }
    if (rollout?.phase === 'RolledBack' || rollout?.phase === 'Failed') expect(said).toBe('Failed');
  }

  /** What was stopped stays so until somebody edits the spec, or brings another agent. */
  #checkStopped(name: string, plan: ConfigPlan, mine: readonly Seen[]): void {
    const { uid = '', generation = 0 } = plan.checked.config.metadata;
    const edition = `${uid} ${generation} ${this.agentRevision ?? ''}`;
    const newly = mine.filter((seen) => seen.told !== undefined && onTrial(plan, seen));
    if (this.#stopped.get(name) === edition) expect(newly, `${name} is stopped`).toEqual([]);
    if (stoppedPhase.test(plan.rollout?.phase ?? '')) this.#stopped.set(name, edition);
    else this.#stopped.delete(name);
  }

  /** Whoever goes back gets what it had, or what has been rolled out to its end. */
  #checkWayBack({ checked, target }: ConfigPlan, { node, told, was }: Seen): void {
    if (was === undefined || told?.rollout?.returning === undefined) return;
    const proven = [checked.config.status?.currentRevision, target?.revision];
    expect(proven.includes(told.revision) || this.#knownOf(node.name).has(told.revision)).toBe(true);
  }
}
