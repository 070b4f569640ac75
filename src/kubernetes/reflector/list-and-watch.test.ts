import { describe, expect, it } from 'vitest';
import { fastClock } from '../../runtime/testing/index.ts';
import { eventually } from '../testing/index.ts';
import { contentOf, useReflectorRig } from './testing/index.ts';

const rig = useReflectorRig();

describe('the first list', () => {
  it('is complete when synced resolves, and every object has been announced', async () => {
    rig.server.pageSize = 10;
    for (let i = 0; i < 25; i += 1) rig.services.put(`default/s${i}`, { a: i });
    let announced = -1;
    const calls: string[] = [];
    const { reflector } = rig.reflect({
      handler: { changed: (key) => void calls.push(key), synced: () => (announced = calls.length) },
    });
    await reflector.synced;
    expect(announced).toBe(25);
    expect(reflector.get('default/s24')).toBe('24');
    expect([...reflector.values()]).toHaveLength(25);
  });

  it('is asked for from the cache of the server, in pages, with the selectors', async () => {
    const { reflector } = rig.reflect({ labelSelector: '!a', fieldSelector: 'spec.clusterIP!=None' });
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    const [list, watch] = rig.server.seen;
    expect(Object.fromEntries(list?.query ?? [])).toEqual({
      labelSelector: '!a',
      fieldSelector: 'spec.clusterIP!=None',
      resourceVersion: '0',
      limit: '500',
    });
    expect(Object.fromEntries(watch?.query ?? [])).toMatchObject({
      labelSelector: '!a',
      fieldSelector: 'spec.clusterIP!=None',
      resourceVersion: String(rig.services.version),
      allowWatchBookmarks: 'true',
    });
    const timeout = Number(watch?.query.get('timeoutSeconds'));
    expect(timeout).toBeGreaterThanOrEqual(300);
    expect(timeout).toBeLessThanOrEqual(600);
  });

  it('is asked for from the database if the server refuses its cache', async () => {
    rig.services.put('default/a', { a: 1 });
    rig.server.intercept = ({ query }) =>
      query.get('resourceVersion') === '0' ? { status: 504, body: '{"reason":"Timeout"}' } : undefined;
    const { reflector, errors } = rig.reflect();
    await reflector.synced;
    expect(contentOf(reflector)).toEqual(['1']);
    expect(errors).toEqual([]);
  });

  it('starts over when its version expires between two pages', async () => {
    rig.server.pageSize = 10;
    for (let i = 0; i < 25; i += 1) rig.services.put(`default/s${i}`, { a: i });
    rig.services.continuesToExpire = 1;
    const { reflector, calls } = rig.reflect();
    await reflector.synced;
    expect(calls).toHaveLength(25);
  });

  it('is tried until the server is there', async () => {
    const { port } = rig.server;
    await rig.server.stop();
    const { reflector, errors } = rig.reflect();
    await eventually('three attempts', () => errors.length >= 3);
    expect(errors[0]?.message).toContain('ECONNREFUSED');
    await rig.server.listen(port);
    await reflector.synced;
    expect(reflector.statistics).toMatchObject({ lastError: errors.at(-1)?.message, errors: errors.length });
  });

  it('never comes if the reflector is stopped before, which synced tells', async () => {
    rig.server.silent = true;
    const { reflector } = rig.reflect();
    await reflector.stop();
    await expect(reflector.synced).rejects.toThrow('reflector services was stopped');
  });
});

describe('the watch', () => {
  it('announces what is new, different and gone', async () => {
    rig.services.put('default/a', { a: 1 });
    const { reflector, calls } = rig.reflect();
    await reflector.synced;
    rig.services.put('default/b', { a: 2 });
    rig.services.put('default/a', { a: 3 });
    rig.services.drop('default/b');
    await eventually('all changes', () => calls.length === 4);
    expect(calls).toEqual([
      ['default/a', '1', undefined],
      ['default/b', '2', undefined],
      ['default/a', '3', '1'],
      ['default/b', undefined, '2'],
    ]);
    expect(reflector.statistics).toMatchObject({ lists: 1, watches: 1, events: 3, errors: 0, cacheMisses: 0 });
  });

  it('goes on where it was after the server ended it', async () => {
    const { reflector, calls, errors } = rig.reflect();
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    rig.services.put('default/a', { a: 1 });
    await eventually('the event', () => calls.length === 1);
    rig.services.endWatches();
    rig.services.put('default/b', { a: 2 });
    await eventually('what happened in the gap', () => calls.length === 2);
    expect(reflector.statistics).toMatchObject({ lists: 1, errors: 0 });
    expect(errors).toEqual([]);
  });

  it('goes on where it was after the connection broke, without listing again', async () => {
    const { reflector, calls, errors } = rig.reflect();
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    rig.services.put('default/a', { a: 1 });
    await eventually('the event', () => calls.length === 1);
    rig.server.dropConnections();
    rig.services.drop('default/a');
    rig.services.put('default/b', { a: 2 });
    await eventually('what happened in the gap', () => calls.length === 3);
    expect(contentOf(reflector)).toEqual(['2']);
    expect(reflector.statistics.lists).toBe(1);
    expect(errors).toHaveLength(1);
  });

  it('goes on from the last bookmark', async () => {
    const { reflector, errors } = rig.reflect({}, fastClock(1));
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    rig.server.collection('/api/v1/pods').put('default/elsewhere');
    const age = (): number => reflector.statistics.lastEventAgeSeconds ?? Infinity;
    await eventually('some silence', () => age() > 0.5);
    rig.services.bookmark();
    await eventually('the bookmark', () => age() < 0.5);
    rig.server.dropConnections();
    await eventually('the error', () => errors.length === 1);
    await eventually('another watch', () => rig.services.watchers === 1);
    expect(rig.server.seen.at(-1)?.query.get('resourceVersion')).toBe(String(rig.services.version));
    expect(reflector.statistics.events).toBe(0);
  });

  it('waits longer and longer while the server is away, and at most 5 s', async () => {
    const { reflector, errors } = rig.reflect({ random: () => 0 }, fastClock(1000));
    await reflector.synced;
    await rig.server.stop();
    await eventually('eight attempts', () => errors.length >= 8);
    expect(errors.slice(0, 8).map(({ retryInMilliseconds }) => retryInMilliseconds)).toEqual([
      800, 1600, 3200, 5000, 5000, 5000, 5000, 5000,
    ]);
    expect(reflector.statistics.errors).toBe(errors.length);
    await rig.server.listen(0);
  });

  it('that has held for a while starts the waits over, also where nothing happens', async () => {
    const { reflector, errors } = rig.reflect({ random: () => 0 });
    await reflector.synced;
    const { port } = rig.server;
    await rig.server.stop();
    await eventually('three attempts', () => errors.length >= 3);
    await rig.server.listen(port);
    await eventually('a watch', () => rig.services.watchers === 1);
    // The clock runs a hundred times as fast as this.
    await new Promise((resolve) => setTimeout(resolve, 50));
    errors.length = 0;
    rig.server.dropConnections();
    await eventually('the error', () => errors.length > 0);
    expect(errors[0]?.retryInMilliseconds).toBe(800);
  });

  it('waits as long as a busy server asks for', async () => {
    let refuse = true;
    rig.server.intercept = ({ query }) =>
      refuse && query.has('watch')
        ? { status: 429, headers: { 'retry-after': '7' }, body: '{"reason":"TooManyRequests"}' }
        : undefined;
    const { reflector, errors } = rig.reflect();
    await reflector.synced;
    await eventually('a refusal', () => errors.length === 1);
    expect(errors[0]?.retryInMilliseconds).toBe(7000);
    refuse = false;
    await eventually('a watch', () => rig.services.watchers === 1);
  });

  it('does not hammer a server that ends every watch at once', async () => {
    rig.server.intercept = ({ query }) => (query.has('watch') ? { status: 200, body: '' } : undefined);
    const { errors } = rig.reflect();
    await eventually('two attempts', () => errors.length >= 2);
    expect(errors[0]?.message).toBe('GET /api/v1/services: the server ended the watch at once');
    expect(errors[0]?.retryInMilliseconds).toBeGreaterThan(300);
  });
});
