import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../runtime/index.ts';
import { ApiClient, LeaderElector } from '../index.ts';
import type { Lease, LeaderElectorOptions } from '../index.ts';
import { fastClock } from '../../runtime/testing/index.ts';
import { eventually, FaultyServer } from '../testing/index.ts';
import type { Collection } from '../testing/index.ts';

const speed = 50;
/** For tests in which no write may come too late, however busy the machine is. */
const slowly = (): Partial<LeaderElectorOptions> => ({ clock: fastClock(5) });

let server: FaultyServer;
let leases: Collection;
let candidates: { elector: LeaderElector; client: ApiClient }[];
let story: string[];
let errors: string[];

beforeEach(async () => {
  server = await FaultyServer.start();
  leases = server.collection('/apis/coordination.k8s.io/v1/leases');
  candidates = [];
  story = [];
  errors = [];
});

afterEach(async () => {
  server.silent = false;
  await Promise.all(candidates.map(({ elector }) => elector.stop()));
  await Promise.all(candidates.map(({ client }) => client.close()));
  await server.stop();
});

function candidate(identity: string, options: Partial<LeaderElectorOptions> = {}): LeaderElector {
  const client = new ApiClient({ server: server.url }, { userAgent: identity });
  const elector = new LeaderElector({
    client,
    namespace: 'kube-system',
    name: 'nftproxy',
    identity,
    onStartedLeading: () => void story.push(`${identity} leads`),
    onStoppedLeading: () => void story.push(`${identity} stops`),
    onError: ({ message }) => void errors.push(message),
    clock: fastClock(speed),
    ...options,
  });
  candidates.push({ elector, client });
  elector.start();
  return elector;
}

function lease(): Lease | undefined {
  return leases.objects.get('kube-system/nftproxy');
}

describe('one candidate', () => {
  it('creates the Lease, leads, and goes on renewing it', async () => {
    const elector = candidate('a', slowly());
    await eventually('a leader', () => story.length > 0);
    expect(elector.isLeader).toBe(true);
    const first = lease()?.spec;
    expect(first).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(first?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await eventually('a renewal', () => lease()?.spec?.renewTime !== first?.renewTime);
    expect(lease()?.spec?.acquireTime).toBe(first?.acquireTime);
    expect(lease()?.metadata.name).toBe('nftproxy');
    expect([story, errors]).toEqual([['a leads'], []]);
  });

  it('gives the Lease back when it stops', async () => {
    const elector = candidate('a', slowly());
    await eventually('a leader', () => story.length > 0);
    await elector.stop();
    expect(elector.isLeader).toBe(false);
    expect(story).toEqual(['a leads', 'a stops']);
    expect(lease()?.spec?.holderIdentity).toBeUndefined();
    expect(errors).toEqual([]);
  });

  it('gives the Lease back when it stops before the server has answered that it is its own', async () => {
    leases.create('kube-system', { metadata: { name: 'nftproxy', namespace: 'kube-system' }, spec: {} });
    const answered = Promise.withResolvers<undefined>();
    server.delay = ({ method }) => (method === 'PUT' ? answered.promise : undefined);
    const elector = candidate('a');
    await eventually('the Lease is taken', () => lease()?.spec?.holderIdentity === 'a');
    server.delay = () => undefined;
    await elector.stop();
    answered.resolve(undefined);
    expect(lease()?.spec?.holderIdentity).toBeUndefined();
    expect(story).toEqual([]);
  });

  it('takes its own Lease up again at once after a restart', async () => {
    leases.create('kube-system', {
      metadata: { name: 'nftproxy', namespace: 'kube-system' },
      spec: { holderIdentity: 'a', leaseDurationSeconds: 1_000_000, leaseTransitions: 4 },
    });
    candidate('a');
    await eventually('a leader', () => story.length > 0);
    expect(lease()?.spec?.leaseTransitions).toBe(4);
  });

  it('steps down in time when the API server is away, and leads again when it is back', async () => {
    const elector = candidate('a');
    await eventually('a leader', () => story.length > 0);
    server.silent = true;
    await eventually('it steps down', () => story.includes('a stops'));
    expect(elector.isLeader).toBe(false);
    expect(errors.join()).toMatch(/could not be written within/);
    server.silent = false;
    await eventually('it leads again', () => story.length === 3);
  });

  it('creates the Lease anew when somebody deleted it', async () => {
    candidate('a', slowly());
    await eventually('a leader', () => story.length > 0);
    leases.drop('kube-system/nftproxy');
    await eventually('a new Lease', () => lease()?.spec?.holderIdentity === 'a');
    expect(story).toEqual(['a leads']);
  });

  it('gives the Lease back when it cannot take up its work', async () => {
    const attempts: number[] = [];
    candidate('a', {
      onStartedLeading: () => {
        attempts.push(1);
        return Promise.reject(new Error('no CRDs'));
      },
    });
    await eventually('a second attempt', () => attempts.length >= 2);
    expect(errors[0]).toBe('could not start to lead: no CRDs');
    expect(story[0]).toBe('a stops');
  });

  it('does not count itself as leader after it was held up for longer than the Lease lasts', async () => {
    let skipped = 0;
    const real = fastClock(1);
    const clock: Clock = { ...real, monotonic: () => real.monotonic() + skipped };
    const elector = candidate('a', { clock });
    await eventually('a leader', () => story.length > 0);
    expect(elector.isLeader).toBe(true);
    skipped = 15_001;
    expect(elector.isLeader).toBe(false);
  });

  it('refuses times that would let two lead at once', () => {
    expect(() => candidate('a', { leaseSeconds: 10, renewSeconds: 10 })).toThrow('leaseSeconds (10) must be more than');
  });
});

describe('two candidates', () => {
  it('have one leader; the other takes over at once when it stops', async () => {
    const a = candidate('a', slowly());
    await eventually('a leader', () => story.length > 0);
    const b = candidate('b', slowly());
    await eventually('both have looked a few times', () => server.seen.length > 15);
    expect([a.isLeader, b.isLeader]).toEqual([true, false]);
    await a.stop();
    await eventually('b leads', () => b.isLeader);
    expect(story).toEqual(['a leads', 'a stops', 'b leads']);
    expect(lease()?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('never lead both, whoever starts first and whatever fails', async () => {
    const electors = ['a', 'b', 'c'].map((identity) => candidate(identity));
    let both = 0;
    const until = performance.now() + 2500;
    let broken = 0;
    server.intercept = ({ method }) => (method === 'PUT' && broken-- > 0 ? { status: 500 } : undefined);
    while (performance.now() < until) {
      both += electors.filter((elector) => elector.isLeader).length > 1 ? 1 : 0;
      if (Math.random() < 0.02) server.dropConnections();
      if (Math.random() < 0.01) broken = 10;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    broken = 0;
    await eventually('a leader', () => electors.some((elector) => elector.isLeader));
    expect(both).toBe(0);
  });

  it('wait for a leader that died until its Lease has not changed for its duration, by their own clocks', async () => {
    // The dead leader's clock was an hour ahead of ours; by its times the Lease would be good for another hour.
    const renewTime = new Date(Date.now() + 3_600_000).toISOString().replace('Z', '000Z');
    leases.create('kube-system', {
      metadata: { name: 'nftproxy', namespace: 'kube-system' },
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime, leaseTransitions: 2 },
    });
    const clock = fastClock(speed);
    const begun = clock.monotonic();
    candidate('b', { clock });
    await eventually('b leads', () => story.length > 0);
    expect((clock.monotonic() - begun) / 1000).toBeGreaterThanOrEqual(15);
    expect(lease()?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 3 });
  });

  it('respect a leader whose clock is an hour slow', async () => {
    const b = candidate('b', { clock: { ...fastClock(20), wall: () => Date.now() - 3_600_000 } });
    await eventually('b leads', () => b.isLeader);
    const a = candidate('a', { clock: fastClock(20) });
    await eventually(
      'a has looked many times',
      () => server.seen.filter(({ headers }) => headers['user-agent'] === 'a').length > 15,
    );
    expect([a.isLeader, b.isLeader]).toEqual([false, true]);
  });

  it('have one leader when both find the Lease free at the same moment', async () => {
    const looked = Promise.withResolvers<undefined>();
    let looks = 0;
    server.delay = ({ method }) => {
      if (method !== 'GET') return undefined;
      looks += 1;
      if (looks === 2) looked.resolve(undefined);
      return looked.promise;
    };
    leases.create('kube-system', { metadata: { name: 'nftproxy', namespace: 'kube-system' }, spec: {} });
    const electors = ['a', 'b'].map((identity) => candidate(identity, slowly()));
    const writes = (): number => server.seen.filter(({ method }) => method === 'PUT').length;
    await eventually('both tried', () => writes() >= 2 && story.length > 0);
    expect(electors.filter((elector) => elector.isLeader)).toHaveLength(1);
    expect([story.length, errors]).toEqual([1, []]);
  });

  it('accept that somebody gave the Lease to the other', async () => {
    const a = candidate('a');
    await eventually('a leads', () => a.isLeader);
    leases.put('kube-system/nftproxy', { spec: { holderIdentity: 'b', leaseDurationSeconds: 15 } });
    await eventually('a stops', () => story.includes('a stops'));
    expect(lease()?.spec?.holderIdentity).toBe('b');
  });
});
