import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Affinity } from './affinity.ts';
import type { ParkingPlan } from './plan.ts';
import { ParkingModel } from './testing/index.ts';
import type { Wish, Word } from './testing/index.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const node = fc.constantFrom(...names);
const word = fc.constantFrom<Word>('ready', 'ready', 'failed', 'pending');

const wish = fc.record<Wish>({
  enabled: fc.boolean(),
  exists: fc.constant(true),
  paused: fc.constant(false),
  phase: fc.constant('Complete'),
  canaries: fc.constantFrom(0, 1, 2),
  soakSeconds: fc.constantFrom(0, 30),
  maxUnavailable: fc.constantFrom(1, 2),
});

const affinity = fc.constantFrom<Affinity | undefined>(undefined, {
  podAffinity: {},
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'fargate', operator: 'DoesNotExist' }] }],
    },
  },
});

/** Nodes that kube-proxy's DaemonSet may want no Pod on. */
const odd = fc.record({ fargate: fc.subarray(names), dedicated: fc.subarray(names), tolerates: fc.boolean() });

function modelOf(
  first: Wish,
  before: Affinity | undefined,
  { fargate, dedicated, tolerates }: typeof odd extends fc.Arbitrary<infer T> ? T : never,
): ParkingModel {
  const model = new ParkingModel(names.slice(0, 4), first, before);
  model.daemonSet!.tolerates = tolerates;
  for (const [name, machine] of model.machines) {
    Object.assign(machine, { fargate: fargate.includes(name), dedicated: dedicated.includes(name) });
    if (!model.hasKubeProxy(machine)) Object.assign(machine, { pod: 'none', rules: false });
  }
  return model;
}

/** Something that happens, and what it does to the cluster. */
type Happening = (model: ParkingModel) => void;
const kinds: Record<string, fc.Arbitrary<Happening>> = {
  'time passes': fc.integer({ min: 1, max: 6 }).map((ticks) => (model) => pass(model, ticks)),
  'the operator is killed': fc.integer({ min: 0, max: 3 }).map((writes) => (model) => operate(model, writes)),
  'somebody edits the ProxyConfig': fc
    .record({ enabled: fc.boolean(), paused: fc.boolean(), exists: fc.boolean() })
    .map((given) => (model) => void Object.assign(model.wish, given)),
  'a rollout begins, fails or ends': fc
    .constantFrom('Complete' as const, 'Complete' as const, 'Rolling' as const, 'RolledBack' as const)
    .map((phase) => (model) => void (model.wish.phase = phase)),
  'an agent says something else': fc.record({ node, word }).map((given) => (model) => {
    const machine = model.machines.get(given.node);
    if (machine !== undefined) machine.word = given.word;
  }),
  'an agent cannot take rules out, or can again': fc.record({ node, stuck: fc.boolean() }).map((given) => (model) => {
    const machine = model.machines.get(given.node);
    if (machine !== undefined) machine.stuck = given.stuck;
  }),
  'a Node goes NotReady, or is back': fc.record({ node, ready: fc.boolean() }).map((given) => (model) => {
    const machine = model.machines.get(given.node);
    if (machine !== undefined) machine.ready = given.ready;
  }),
  'a Node joins, or is made anew': node.map((name) => (model) => model.join(name)),
  'a Node leaves': node.map((name) => (model) => void model.machines.delete(name)),
  'somebody adopts kube-proxy, or lets it go': fc.boolean().map((owned) => (model) => {
    if (model.daemonSet) model.daemonSet.labels = owned ? { 'app.kubernetes.io/managed-by': 'Helm' } : {};
  }),
  'an upgrade writes kube-proxy as it was': affinity.map((given) => (model) => {
    if (model.daemonSet) model.daemonSet.affinity = given;
  }),
  'somebody labels or taints a Node': fc.record({ node, fargate: fc.boolean(), dedicated: fc.boolean() }).map(
    ({ node: name, ...given }) =>
      (model) =>
        void Object.assign(model.machines.get(name) ?? {}, given),
  ),
  'kube-proxy tolerates no taints any more, or again': fc.boolean().map((tolerates) => (model) => {
    if (model.daemonSet) model.daemonSet.tolerates = tolerates;
  }),
  'the operator is told to leave kube-proxy alone': fc
    .boolean()
    .map((allowed) => (model) => void (model.allowed = allowed)),
};
const happening = fc.oneof({ weight: 8, arbitrary: kinds['time passes']! }, ...Object.values(kinds));

type Machines = ParkingModel['machines'];
type Machine = Machines extends Map<string, infer M> ? M : never;
const works = ({ ready, word: says, told, rules, stuck }: Machine) =>
  ready && says === 'ready' && !(told && rules && stuck);

/** One plan, looked at and carried out. */
function operate(model: ParkingModel, writes?: number): void {
  const before = structuredClone(model.machines);
  const since = model.status.kubeProxy?.soakingSince;
  const plan = model.operate(writes);
  const newly = [...plan.labels].filter(([, label]) => label === 'parked').map(([name]) => name);
  if (newly.length > 0) checkParking(model, { before, newly, since });
  for (const [name, was] of before) {
    const wanted = model.hasKubeProxy(was);
    checkSteps({ name, was, wanted, label: model.machines.get(name)?.label }, plan);
  }
}

/** It was time to park these nodes, and they are not too many. */
function checkParking(
  model: ParkingModel,
  { before, newly, since }: { before: Machines; newly: readonly string[]; since: string | undefined },
): void {
  const { wish: config, allowed } = model;
  const owned = Object.keys(model.daemonSet?.labels ?? {}).length > 0;
  const time = [config.exists, config.enabled, config.paused, config.phase, allowed, owned];
  expect(time, 'the time to park').toEqual([true, true, false, 'Complete', true, false]);
  const parked = [...before.values()].filter(({ label }) => label === 'parked');
  for (const [name, machine] of before) {
    if (machine.ready || machine.label === 'parked') expect(works(machine), `${name} works`).toBe(true);
  }
  const unsettled = parked.filter(({ told, pod, rules }) => !told || pod !== 'none' || rules);
  expect(unsettled.length + newly.length, 'on their way').toBeLessThanOrEqual(config.maxUnavailable);
  const passed = parked.length > config.canaries || (unsettled.length === 0 && hasSoaked(model, since));
  if (config.canaries > 0 && !passed)
    expect(parked.length + newly.length, 'canaries').toBeLessThanOrEqual(config.canaries);
}

/** What a node goes through comes in its order. */
function checkSteps(
  { name, was, wanted, label }: { name: string; was: Machine; wanted: boolean; label: string | undefined },
  plan: ParkingPlan,
): void {
  // Who is told has no kube-proxy, and none that is about to come.
  if (plan.told.has(name)) expect([was.label, was.pod], name).toEqual(['parked', 'none']);
  if (was.label === 'parked' && label === 'restoring') expect(was.told, `${name} was told`).toBe(false);
  if (was.label === undefined || !plan.labels.has(name) || plan.labels.get(name) !== undefined) return;
  expect([was.label, wanted && was.pod], `${name} has kube-proxy back`).toEqual(['restoring', wanted && 'ready']);
}

/** The first nodes have worked without kube-proxy for long enough. */
function hasSoaked({ wish: { soakSeconds }, now }: ParkingModel, since: string | undefined): boolean {
  return since === undefined ? soakSeconds === 0 : now - Date.parse(since) >= soakSeconds * 1000;
}

function pass(model: ParkingModel, ticks: number): void {
  for (let tick = 0; tick < ticks; tick++) {
    operate(model);
    model.now += 10_000;
    model.controllers();
  }
}

test('whatever happens, kube-proxy leaves a few working nodes at a time, and is nowhere missed in the end', () => {
  const ends = { parked: 0, back: 0 };
  fc.assert(
    fc.property(
      wish,
      fc.tuple(affinity, odd),
      fc.array(happening, { maxLength: 25 }),
      fc.boolean(),
      (first, [before, nodes], events, stays) => {
        const model = modelOf(first, before, nodes);
        for (const happens of events) happens(model);
        for (const machine of model.machines.values())
          Object.assign(machine, { ready: true, word: 'ready', stuck: false });
        Object.assign(model.wish, { enabled: stays, exists: true, paused: false, phase: 'Complete' });
        Object.assign(model.daemonSet!, { labels: {} });
        model.allowed = true;
        pass(model, 80);
        const found = [...model.machines.values()];
        const stage = model.plan().configs.get('all')?.stage;
        if (found.length === 0) return;
        if (stays) {
          expect(stage).toBe('AllNodesParked');
          const isOver = ({ label, told, pod, rules }: Machine) =>
            label === 'parked' && told && pod === 'none' && !rules;
          expect(found.every(isOver)).toBe(true);
          ends.parked += 1;
        } else {
          expect(stage).toBe('NotManaged');
          expect(found.every(({ label, told }) => label === undefined && !told)).toBe(true);
          for (const each of found) expect(each.pod).toBe(model.hasKubeProxy(each) ? 'ready' : 'none');
          expect(JSON.stringify(model.daemonSet?.affinity ?? null)).not.toContain('nftproxy.io/kube-proxy');
          ends.back += 1;
        }
      },
    ),
    { numRuns: Number(process.env['NFTPROXY_PROPERTY_RUNS'] ?? 300) },
  );
  // Else it would say little about one of them.
  expect(Math.min(ends.parked, ends.back)).toBeGreaterThan(20);
});
