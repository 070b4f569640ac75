import { beforeEach, describe, expect, test } from 'vitest';
import { parkingOf } from './plan.ts';
import { ParkingModel } from './testing/index.ts';

const names = ['a', 'b', 'c', 'd'];
let model: ParkingModel;

beforeEach(() => {
  const wish = { enabled: true, exists: true, paused: false, canaries: 1, soakSeconds: 30, maxUnavailable: 2 };
  model = new ParkingModel(names, { ...wish, phase: 'Complete' }, undefined);
});

/** Operator and controllers take turns, ten seconds each. */
function pass(rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    model.operate();
    model.now += 10_000;
    model.controllers();
  }
}

const labelled = (label: string) => names.filter((name) => model.machines.get(name)?.label === label);
const told = () => names.filter((name) => model.machines.get(name)?.told);
const stage = () => model.plan().configs.get('all')?.stage;

describe('a ProxyConfig that wants kube-proxy parked', () => {
  test('has one node without it, which has to work for a while before the others follow, two at a time', () => {
    pass(6);
    expect([labelled('parked'), told()]).toEqual([['a'], ['a']]);
    expect(model.plan().configs.get('all')).toMatchObject({ stage: 'Parking', soakingSince: expect.any(Date) as Date });
    pass(4);
    expect(labelled('parked')).toEqual(['a', 'b', 'c']);
    pass(10);
    expect(told()).toEqual(names);
    expect(stage()).toBe('AllNodesParked');
  });

  test('says when it has to be looked at again', () => {
    pass(6);
    const { againIn } = model.plan();
    expect(againIn).toBeGreaterThan(0);
    expect(againIn).toBeLessThanOrEqual(30);
  });

  test('goes no further while a node without kube-proxy does not work', () => {
    pass(6);
    model.machines.get('a')!.word = 'failed';
    pass(10);
    expect(labelled('parked')).toEqual(['a']);
    expect(stage()).toBe('ParkedNodeNotReady');
    model.machines.get('a')!.word = 'ready';
    pass(20);
    expect(labelled('parked')).toEqual(names);
  });

  test('goes no further while a node cannot get rid of its rules, which would go on to endpoints that have gone', () => {
    model.machines.get('a')!.stuck = true;
    pass(10);
    expect([labelled('parked'), told()]).toEqual([['a'], ['a']]);
    expect(stage()).toBe('ParkedNodeNotReady');
    model.machines.get('a')!.stuck = false;
    pass(20);
    expect(labelled('parked')).toEqual(names);
    model.machines.get('d')!.rules = true;
    expect(stage()).toBe('Parking');
    pass(1);
    expect(stage()).toBe('AllNodesParked');
  });

  test('waits for a rollout, and keeps what is parked meanwhile', () => {
    pass(30);
    model.wish.phase = 'Rolling';
    for (const machine of model.machines.values()) machine.word = 'pending';
    pass(3);
    expect(labelled('parked')).toEqual(names);
    model.join('d');
    pass(5);
    expect(labelled('parked')).toEqual(['a', 'b', 'c']);
    expect(stage()).toBe('WaitingForRollout');
  });

  test('a failed rollout brings it back to the nodes on which no agent works', () => {
    pass(30);
    model.wish.phase = 'RolledBack';
    model.machines.get('b')!.word = 'failed';
    pass(1);
    // Its agent is told first.
    expect([labelled('restoring'), told()]).toEqual([[], ['a', 'c', 'd']]);
    pass(5);
    expect(model.machines.get('b')).toMatchObject({ label: undefined, pod: 'ready' });
    expect(labelled('parked')).toEqual(['a', 'c', 'd']);
    expect(stage()).toBe('RolloutFailed');
    model.wish.phase = 'Complete';
    model.machines.get('b')!.word = 'ready';
    pass(10);
    expect(labelled('parked')).toEqual(names);
  });

  test('has it back when it goes, and when the operator is told to leave it', () => {
    pass(30);
    model.allowed = false;
    pass(1);
    expect(stage()).toBe('Restoring');
    pass(10);
    expect([labelled('parked'), labelled('restoring'), stage()]).toEqual([[], [], 'SwitchedOff']);
    model.allowed = true;
    pass(30);
    model.wish.exists = false;
    pass(10);
    expect([labelled('parked'), labelled('restoring'), told()]).toEqual([[], [], []]);
    expect(model.daemonSet?.affinity).toBeUndefined();
  });

  test('keeps everything as it is while nobody can look at kube-proxy', () => {
    pass(30);
    const plan = parkingOf({ ...model.input(), kubeProxy: { kind: 'unknown', trouble: 'forbidden' } });
    expect(plan.labels.size).toBe(0);
    expect([...plan.told]).toEqual(names);
    expect(plan.configs.get('all')).toMatchObject({ stage: 'CannotSeeKubeProxy', detail: 'forbidden' });
  });

  test('parks nothing where there is no kube-proxy, and goes on when it comes', () => {
    const { daemonSet } = model;
    model.daemonSet = undefined;
    pass(5);
    expect([labelled('parked'), stage()]).toEqual([[], 'NoKubeProxy']);
    model.daemonSet = daemonSet;
    pass(30);
    expect(stage()).toBe('AllNodesParked');
  });

  test('leaves an invalid spec as it is', () => {
    pass(30);
    const input = model.input();
    const [[name, plan] = []] = [...input.plans];
    const config = { metadata: { name: 'all' }, spec: { priority: 0 } };
    const checked = { config, errors: [{ path: 'spec', message: 'is wrong' }] };
    const after = parkingOf({ ...input, plans: new Map([[name!, { ...plan!, checked }]]) });
    expect(after.labels.size).toBe(0);
    expect([...after.told]).toEqual(names);
  });
});
