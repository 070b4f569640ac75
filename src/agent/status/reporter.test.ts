import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProxyNodeState, ProxyNodeStateStatus } from '../../api/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { Reporter } from './reporter.ts';
import type { AgentState } from './status.ts';

let state: AgentState;
let clock: ManualClock;
let reporter: Reporter;
let written: ProxyNodeStateStatus[];
let fails: boolean;
let lease: { held: boolean; seconds: number | undefined };
const logs: string[] = [];

beforeEach(() => {
  state = { appliedRevision: 'aaaaaaaaaa', quarantined: [], services: 1, endpoints: 1, elements: 1, problems: [] };
  clock = new ManualClock();
  written = [];
  fails = false;
  lease = { held: false, seconds: undefined };
  logs.length = 0;
  reporter = new Reporter({
    client: {
      // The reporter uses nothing of the answer.
      apply: <T>(_path: string, body: object) => {
        if (fails) return Promise.reject(new Error('the API server is away'));
        written.push((body as { status: ProxyNodeStateStatus }).status);
        return Promise.resolve(body as T);
      },
    },
    nodeName: 'node-1',
    state: () => state,
    lease: () => lease,
    agentVersion: '1.2.3',
    clock,
    log: createLogger({ format: 'text', level: 'debug', write: (line) => logs.push(line) }),
  });
});

afterEach(() => reporter.stop());

function object(generation: number, status?: ProxyNodeStateStatus, uid = 'first'): ProxyNodeState {
  const spec = { configRef: { name: 'default' }, revision: 'aaaaaaaaaa' };
  // Only what a reporter looks at.
  return {
    metadata: { name: 'node-1', generation, uid },
    spec,
    ...(status && { status }),
  } as unknown as ProxyNodeState;
}

describe('an agent’s report', () => {
  it('is not written while the node has no ProxyNodeState', async () => {
    reporter.update();
    await clock.advance(60_000);
    expect(written).toEqual([]);
    reporter.follow(object(3));
    await clock.advance(1000);
    expect(written.map(({ observedGeneration }) => observedGeneration)).toEqual([3]);
  });

  it('is written at once when the revision or a condition changes', async () => {
    reporter.follow(object(1));
    await clock.advance(1000);
    state = { ...state, appliedRevision: 'bbbbbbbbbb' };
    reporter.update();
    await clock.advance(1000);
    state = { ...state, failure: 'ENOMEM' };
    reporter.update();
    await clock.advance(1000);
    expect(written.map((status) => [status.appliedRevision, status.conditions?.[0]?.status])).toEqual([
      ['aaaaaaaaaa', 'True'],
      ['bbbbbbbbbb', 'True'],
      ['bbbbbbbbbb', 'False'],
    ]);
  });

  it('waits some ten seconds when only counts change, and then tells the newest', async () => {
    reporter.follow(object(1));
    await clock.advance(1000);
    for (let services = 2; services < 50; services++) {
      state = { ...state, services };
      reporter.update();
      await clock.advance(100);
    }
    expect(written).toHaveLength(1);
    await clock.advance(20_000);
    expect(written.map(({ services }) => services)).toEqual([1, 49]);
  });

  it('is not written when nothing changed', async () => {
    reporter.follow(object(1));
    for (let second = 0; second < 60; second++) {
      reporter.update();
      await clock.advance(1000);
    }
    expect(written).toHaveLength(1);
  });

  it('keeps the transition times that the object has, over a restart of the agent', async () => {
    const lastTransitionTime = '2025-05-05T05:05:05Z';
    const conditions = [
      { type: 'Synced', status: 'True', reason: 'UpToDate', message: '', lastTransitionTime } as const,
    ];
    reporter.follow(object(1, { conditions: [...conditions] }));
    await clock.advance(1000);
    expect(written[0]?.conditions?.[0]?.lastTransitionTime).toBe(lastTransitionTime);
  });

  it('is tried again while the API server is away, and says so', async () => {
    fails = true;
    reporter.follow(object(1));
    await clock.advance(5000);
    expect(written).toEqual([]);
    expect(logs.join('')).toContain('cannot report to the ProxyNodeState; trying again');
    fails = false;
    await clock.advance(60_000);
    expect(written).toHaveLength(1);
  });

  it('ends when the ProxyNodeState goes', async () => {
    reporter.follow(object(1));
    await clock.advance(1000);
    reporter.follow(undefined);
    state = { ...state, failure: 'ENOMEM' };
    reporter.update();
    await clock.advance(60_000);
    expect(written).toHaveLength(1);
  });

  it('is written anew into a ProxyNodeState that was deleted and made again, though nothing else changed', async () => {
    reporter.follow(object(1));
    await clock.advance(1000);
    reporter.follow(undefined);
    reporter.follow(object(1, undefined, 'second'));
    await clock.advance(1000);
    expect(written).toHaveLength(2);
  });
});

describe('an agent that is called silent', () => {
  const silent: ProxyNodeStateStatus = {
    conditions: [
      {
        ...{ type: 'Synced', status: 'Unknown', reason: 'AgentSilent', message: 'nothing was heard' },
        lastTransitionTime: '2025-05-05T05:05:05Z',
      },
    ],
  };
  const renew = (): void => {
    lease = { held: true, seconds: 40 };
    reporter.renewed();
  };

  beforeEach(async () => {
    renew();
    reporter.follow(object(1));
    await clock.advance(1000);
    expect(written.map(({ leaseDurationSeconds }) => leaseDurationSeconds)).toEqual([40]);
  });

  it('says what is as soon as its Lease is renewed, though nothing has changed for it, and since when', async () => {
    lease = { held: false, seconds: 40 };
    reporter.follow(object(1, silent));
    await clock.advance(60_000);
    expect(written).toHaveLength(1);
    renew();
    await clock.advance(1000);
    expect(written[1]?.conditions?.[0]).toMatchObject({ status: 'True', reason: 'UpToDate' });
    expect(written[1]?.conditions?.[0]?.lastTransitionTime).not.toBe(written[0]?.conditions?.[0]?.lastTransitionTime);
  });

  it('contradicts at once while it holds its Lease, once each time', async () => {
    reporter.follow(object(1, silent));
    await clock.advance(1000);
    expect(written).toHaveLength(2);
    reporter.follow(object(1, written[1]));
    for (let n = 0; n < 10; n++) renew();
    await clock.advance(60_000);
    expect(written).toHaveLength(2);
    reporter.follow(object(1, silent));
    await clock.advance(1000);
    expect(written).toHaveLength(3);
  });

  it('does not contradict while it cannot renew its Lease, whatever else changes', async () => {
    lease = { held: false, seconds: 40 };
    reporter.follow(object(1, silent));
    state = { ...state, appliedRevision: 'bbbbbbbbbb' };
    reporter.update();
    await clock.advance(60_000);
    expect(written).toHaveLength(1);
  });
});

it('an agent says that it has a Lease once it has renewed it, not before', async () => {
  reporter.follow(object(1));
  await clock.advance(1000);
  expect(written[0]).not.toHaveProperty('leaseDurationSeconds');
  lease = { held: true, seconds: 40 };
  reporter.renewed();
  await clock.advance(1000);
  expect(written[1]?.leaseDurationSeconds).toBe(40);
});
