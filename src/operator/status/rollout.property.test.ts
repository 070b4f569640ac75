import fc from 'fast-check';
import { expect, test } from 'vitest';
import { conditionOf, effectiveRollout } from '../../api/index.ts';
import type { ProxyConfigSpec, ProxyNodeState, ProxyNodeStateSpec } from '../../api/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import type { ConfigPlan } from '../rollout/index.ts';
import { kstatus, ModelCluster, waitReturns } from './testing/index.ts';
import type { Behaviour } from './testing/index.ts';

const nodeNames = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const edge = { matchLabels: { pool: 'edge' } };
const tick = 20_000;
const deadlineSeconds = 90;

const settings = fc.record({
  maxUnavailable: fc.constantFrom<number | string>(1, 2, 3, '25%', '50%'),
  maxFailed: fc.constantFrom(1, 2, 3),
  onFailure: fc.constantFrom('Rollback' as const, 'Pause' as const),
  canary: fc.record({ nodes: fc.constantFrom(0, 1, 2), soakSeconds: fc.constantFrom(0, 30) }),
  progressDeadlineSeconds: fc.constant(deadlineSeconds),
  paused: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

/** A spec; `algorithm` makes revisions, and decides with the node how an agent takes it. */
const spec = fc.record({
  rollout: settings,
  algorithm: fc.constantFrom('random', 'round-robin', 'source-hash', 'maglev', 'least-connections'),
  onDelete: fc.constantFrom('Keep', 'Cleanup'),
  agent: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    fc.record({ logLevel: fc.constantFrom('debug', 'warn') }),
  ),
});

const agentRevisions = ['aaaaaaaaaa', 'bbbbbbbbbb', 'cccccccccc'];

const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('time' as const), ticks: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('edit' as const), config: fc.constantFrom('all', 'edge'), spec }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('upgrade' as const), agent: fc.constantFrom(...agentRevisions) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), config: fc.constantFrom('all', 'edge') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('join' as const), node: fc.constantFrom(...nodeNames) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), node: fc.constantFrom(...nodeNames) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('ready' as const),
      node: fc.constantFrom(...nodeNames),
      ready: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('label' as const),
      node: fc.constantFrom(...nodeNames),
      pool: fc.constantFrom('edge', 'core'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('agent' as const),
      node: fc.constantFrom(...nodeNames),
      alive: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), told: fc.integer({ min: 0, max: 2 }) }) },
);

/** How agents take an algorithm: by node, so that one may be bad everywhere, or here and there. */
const behaviours = fc.dictionary(
  fc.constantFrom('round-robin', 'source-hash', 'maglev', 'least-connections'),
  fc.record({
    how: fc.constantFrom<Behaviour>('fails', 'silent'),
    where: fc.subarray(nodeNames, { minLength: 1 }),
  }),
  { noNullPrototype: true },
);

type Behaviours = Record<string, { how: Behaviour; where: string[] }>;

/** Agents that crash: by node, too. */
const crashes = fc.dictionary(
  fc.constantFrom(...agentRevisions.slice(1)),
  fc.record({ how: fc.constant<Behaviour>('crashes'), where: fc.subarray(nodeNames, { minLength: 1 }) }),
  { noNullPrototype: true },
);

const synced = (state: ProxyNodeState | undefined) => conditionOf(state?.status?.conditions, 'Synced');
const works = (state: ProxyNodeState | undefined) =>
  state?.status?.appliedRevision === state?.spec.revision && synced(state)?.status === 'True';
const fails = (state: ProxyNodeState | undefined) =>
  synced(state)?.status === 'False' && synced(state)?.observedGeneration === state?.metadata.generation;

const isClean = (state: ProxyNodeState) =>
  synced(state)?.reason === 'CleanedUp' && synced(state)?.observedGeneration === state.metadata.generation;
const governedBy = (plans: ReadonlyMap<string, ConfigPlan>) =>
  new Set([...plans.values()].flatMap(({ share }) => share.won.map(({ name }) => name)));
const mostOf = (maxUnavailable: number | string, nodes: number) => {
  const text = String(maxUnavailable);
  return Math.max(1, text.endsWith('%') ? Math.floor((nodes * Number.parseInt(text)) / 100) : Number(text));
};

/** A node of a config before and after a plan. */
interface Seen {
  readonly node: ClusterNode;
  readonly was: ProxyNodeState | undefined;
  /** What the plan tells it. */
  readonly told: ProxyNodeStateSpec | undefined;
  /** What it has then. */
  readonly has: ProxyNodeStateSpec | undefined;
}

const stoppedPhase = /^(RollingBack|RolledBack|Failed)$/;

/** Was told something in this rollout. */
const touched = ({ rollout }: ConfigPlan, { has }: Seen) =>
  has?.rollout !== undefined && has.rollout.startedAt === rollout?.startedAt;
/** ... to see whether it works. */
const onTrial = (plan: ConfigPlan, seen: Seen) =>
  touched(plan, seen) &&
  seen.has?.rollout?.returning === undefined &&
  seen.has?.configRef.name === plan.checked.config.metadata.name &&
  seen.has.revision === plan.target?.revision;
const isGood = ({ node, was, told }: Seen) => told === undefined && works(was) && node.ready;
/** Has not come to rest with what it was told in this rollout. */
const onItsWay = (plan: ConfigPlan, seen: Seen) =>
  touched(plan, seen) && !isGood(seen) && (seen.node.ready || onTrial(plan, seen));

/** maxUnavailable: nobody who works is told anything while so many are on their way. */
function checkUnavailable(plan: ConfigPlan, mine: readonly Seen[], now: number): void {
  const { maxUnavailable } = effectiveRollout(plan.checked.config.spec.rollout);
  const counted = mine.filter((seen) => seen.node.ready || touched(plan, seen)).length;
  const most = mostOf(maxUnavailable, counted);
  // Going back is the exception: nodes that do not come back hold up the others no longer than the deadline.
  const last = Date.parse(plan.checked.config.status?.rollout?.lastProgressAt ?? '');
  const patient = !/^Roll(ingBack|edBack)$/.test(plan.rollout?.phase ?? '') || now - last <= deadlineSeconds * 1000;
  const disturbs = mine.some(({ node, was, told }) => told !== undefined && works(was) && node.ready);
  if (!disturbs || !patient) return;
  expect(mine.filter((seen) => onItsWay(plan, seen)).length, 'on their way').toBeLessThanOrEqual(most);
}

/** Canaries first, and nobody is tried on any more when so many have failed. */
function checkFailures(plan: ConfigPlan, mine: readonly Seen[]): void {
  const { maxFailed, canary } = effectiveRollout(plan.checked.config.spec.rollout);
  const trial = mine.filter((seen) => onTrial(plan, seen));
  const newly = trial.filter(({ told }) => told !== undefined);
  if (newly.length === 0) return;
  if (plan.rollout?.canaryPassedAt === undefined) expect(trial.length, 'canaries').toBeLessThanOrEqual(canary.nodes);
  const failed = trial.filter(
    ({ told, was, has }) => told === undefined && fails(was) && has?.rollout?.failingBefore === undefined,
  );
  expect(failed.length, 'failed').toBeLessThan(maxFailed);
}

/** A cluster under test: what every plan tells is looked at before and after it is carried out. */
class Observed extends ModelCluster {
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

interface SpecParts {
  readonly algorithm: string;
  readonly rollout: ProxyConfigSpec['rollout'];
  readonly onDelete: string;
  readonly agent: unknown;
}

function specOf(config: string, given: SpecParts) {
  const { algorithm, rollout, onDelete, agent } = given;
  const selection = config === 'edge' && { nodeSelector: edge, priority: 10 };
  return {
    loadBalancing: { algorithm },
    rollout,
    onDelete,
    ...(agent !== undefined && { agent }),
    ...selection,
  } as ProxyConfigSpec;
}

type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** What an event does to the cluster. */
const happenings: { [K in Event['kind']]: (cluster: Observed, it: Extract<Event, { kind: K }>) => void } = {
  time: (cluster, { ticks }) => cluster.pass(ticks),
  edit: (cluster, { config, spec: given }) => cluster.apply(config, specOf(config, given)),
  upgrade: (cluster, { agent }) => void (cluster.agentRevision = agent),
  delete: (cluster, { config }) => cluster.delete(config),
  join: (cluster, { node }) => cluster.join(node, { pool: 'core' }),
  leave: (cluster, { node }) => cluster.leave(node),
  ready: (cluster, { node, ready }) => cluster.change(node, { ready }),
  label: (cluster, { node, pool }) => cluster.change(node, { labels: { pool } }),
  agent: (cluster, { node, alive }) => cluster.agent(node, alive),
  crash: (cluster, { told }) => void cluster.operate(told),
};

function happen(cluster: Observed, it: Event): void {
  // The key is the kind, which the compiler cannot follow through an index.
  (happenings[it.kind] as (cluster: Observed, event: Event) => void)(cluster, it);
}

/** Where a rollout is when nothing changes any more: at an end, or it waits for a person or for nodes. */
function checkEnd({ checked, share, rollout, tell }: ConfigPlan): void {
  const phase = rollout?.phase ?? '';
  expect(tell.size).toBe(0);
  const waits = (phase === 'Paused' && checked.config.spec.rollout?.paused) || share.won.every(({ ready }) => !ready);
  expect(phase === 'Complete' || stoppedPhase.test(phase) || waits, JSON.stringify(checked.config.status)).toBe(true);
}

/** Whose ProxyConfig is gone, and said that its rules go then, has none; how many nodes that are. */
function checkCleaned(cluster: Observed, plans: ReadonlyMap<string, ConfigPlan>): number {
  const left = [...cluster.nodes.values()].filter(({ name }) => !governedBy(plans).has(name));
  const deleted = left.filter(({ name }) => {
    const spec = cluster.states.get(name)?.spec;
    return spec?.config.onDelete === 'Cleanup' && !plans.has(spec.configRef.name);
  });
  // Whoever has been told and does not say that it is clean holds up the others for longer than everything rests.
  const waits = ({ name, ready }: ClusterNode): boolean => {
    const state = cluster.states.get(name);
    return !ready || (state?.spec.cleanup !== undefined && !isClean(state));
  };
  if (deleted.some(waits)) return 0;
  for (const { name } of deleted) expect(cluster.states.get(name)?.spec.cleanup, `${name} is clean`).toBeDefined();
  return deleted.length;
}

/** Complete means that every node has it that could be asked, but for those that failed. */
function checkComplete(cluster: Observed, { checked, share, target }: ConfigPlan): void {
  const without = share.won.filter(({ name, ready }) => {
    const state = cluster.seen(name);
    return ready && !(state?.spec.revision === target?.revision && works(state));
  });
  const { failed = 0, silent = 0 } = checked.config.status?.nodes ?? {};
  expect(without.length).toBeLessThanOrEqual(failed + silent);
}

const bad = fc.tuple(behaviours, crashes).map(([configs, agents]): Behaviours => ({ ...configs, ...agents }));

/** At rest nobody who follows kstatus waits any more. */
function checkVerdict(cluster: Observed, { checked: { config } }: ConfigPlan, said: Record<string, number>): void {
  const verdict = kstatus(cluster.configs.get(config.metadata.name) ?? config);
  expect(['Current', 'Failed'], JSON.stringify(config.status)).toContain(verdict);
  said[verdict] = (said[verdict] ?? 0) + 1;
}

/** What happens, how agents take it, and whether all ProxyConfigs are deleted in the end. */
const story = fc.record({
  events: fc.array(event, { maxLength: 25 }),
  how: bad,
  leaves: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

test('whatever happens, a rollout keeps its bounds, leaves every node what it had, and ends', () => {
  const ends: Record<string, number> = {};
  const saidAtEnd: Record<string, number> = {};
  let cleaned = 0;
  const nodes = fc.subarray(nodeNames, { minLength: 1 });
  fc.assert(
    fc.property(story, nodes, spec, ({ events, how, leaves }, initial, first) => {
      const cluster = new Observed(how);
      for (const name of initial) cluster.join(name, { pool: name < 'd' ? 'edge' : 'core' });
      cluster.apply('all', specOf('all', first));
      for (const each of events) happen(cluster, each);
      cluster.rest();
      if (leaves) cluster.deleteAll();
      const plans = cluster.operate();
      cleaned += checkCleaned(cluster, plans);
      for (const each of plans.values()) {
        checkEnd(each);
        const phase = each.rollout?.phase ?? '';
        if (phase === 'Complete') checkComplete(cluster, each);
        checkVerdict(cluster, each, saidAtEnd);
        ends[phase] = (ends[phase] ?? 0) + 1;
      }
    }),
    { numRuns: Number(process.env['NFTPROXY_PROPERTY_RUNS'] ?? 300) },
  );
  // Else it would say little about them.
  for (const said of ['Current', 'Failed']) expect(saidAtEnd[said], said).toBeGreaterThan(5);
  expect(cleaned).toBeGreaterThan(5);
  for (const phase of ['Complete', 'RolledBack', 'Failed']) expect(ends[phase], phase).toBeGreaterThan(5);
});
