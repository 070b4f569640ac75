import { describe, expect, it } from 'vitest';
import { fastClock } from '../../runtime/testing/index.ts';
import { eventually } from '../testing/index.ts';
import { contentOf, useReflectorRig } from './testing/index.ts';

const rig = useReflectorRig();

describe('an expired version', () => {
  it('as an answer to the watch: lists again and announces the differences only', async () => {
    for (const key of ['a', 'b', 'c']) rig.services.put(`default/${key}`, { a: key });
    const { reflector, calls, errors } = rig.reflect();
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    calls.length = 0;
    rig.server.intercept = ({ query }) => (query.has('watch') ? { status: 500 } : undefined);
    rig.server.dropConnections();
    await eventually('the connection is lost', () => errors.length > 0);
    rig.services.drop('default/a');
    rig.services.put('default/b', { a: 'B' });
    rig.services.put('default/d', { a: 'd' });
    rig.services.compact();
    rig.server.intercept = () => undefined;
    await eventually('the differences', () => calls.length === 3);
    expect(calls).toEqual([
      ['default/a', undefined, 'a'],
      ['default/b', 'B', 'b'],
      ['default/d', 'd', undefined],
    ]);
    expect(contentOf(reflector)).toEqual(['B', 'c', 'd']);
    expect(reflector.statistics.cacheMisses).toBe(0);
    // From the server's cache, and not older than what is known; a limit would be read from the database.
    const list = rig.server.seen.filter(({ query }) => !query.has('watch')).at(-1);
    expect(Object.fromEntries(list?.query ?? [])).toEqual({
      resourceVersion: expect.stringMatching(/^[1-9]/) as string,
      resourceVersionMatch: 'NotOlderThan',
    });
  });

  it('after a long outage: lists again as soon as the server is back, without another wait', async () => {
    rig.services.put('default/a', { a: 1 });
    const { reflector, calls, errors } = rig.reflect({ random: () => 0 });
    await reflector.synced;
    const { port } = rig.server;
    await rig.server.stop();
    await eventually('a long outage', () => errors.length >= 8);
    rig.services.put('default/b', { a: 2 });
    rig.services.compact();
    const reported = errors.length;
    await rig.server.listen(port);
    await eventually('the change', () => calls.length === 2);
    // The version that has expired was reported by nobody and waited for by nobody.
    expect(errors.slice(reported).filter(({ message }) => !message.includes('ECONNREFUSED'))).toEqual([]);
    expect(errors.every(({ retryInMilliseconds }) => retryInMilliseconds <= 5000)).toBe(true);
  });

  it('in the middle of a watch: lists again at once, which is no error', async () => {
    const { reflector, calls, errors } = rig.reflect();
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    rig.services.eventsToLose = 1;
    rig.services.put('default/a', { a: 1 });
    rig.services.sendLine('{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}');
    rig.services.endWatches();
    await eventually('the change', () => calls.length === 1);
    expect(reflector.statistics).toMatchObject({ lists: 2, errors: 0 });
    expect(errors).toEqual([]);
  });

  it('again and again: backs off', async () => {
    rig.server.intercept = ({ query }) =>
      query.has('watch') ? { status: 410, body: '{"reason":"Expired"}' } : undefined;
    const { reflector, errors } = rig.reflect();
    await eventually('some attempts', () => errors.length >= 3);
    expect(reflector.statistics.lists).toBeLessThanOrEqual(6);
  });
});

describe('a server that talks nonsense', () => {
  it.each(['{"type":"ADDED","object":{"metadata":', 'upstream connect error', '{"type":"ADDED","object":{}}'])(
    'is reported, and the watch goes on where it was: %s',
    async (line) => {
      const { reflector, calls, errors } = rig.reflect();
      await reflector.synced;
      await eventually('a watch', () => rig.services.watchers === 1);
      rig.services.put('default/a', { a: 1 });
      rig.services.sendLine(line);
      rig.services.put('default/b', { a: 2 });
      await eventually('both changes', () => calls.length === 2);
      expect(errors.map(({ message }) => message)).toEqual([`GET /api/v1/services: not a watch event: ${line}`]);
      expect(reflector.statistics.lists).toBe(1);
    },
  );

  it('is asked for a fresh list when it rejects a version again and again, as after a restored backup', async () => {
    const { reflector, calls, errors } = rig.reflect();
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    const lost = String(rig.services.version);
    rig.server.intercept = ({ query }) =>
      query.get('resourceVersion') === lost
        ? { status: 504, body: '{"reason":"Timeout","message":"Too large resource version"}' }
        : undefined;
    rig.services.eventsToLose = 1;
    rig.services.put('default/a', { a: 1 });
    rig.server.dropConnections();
    await eventually('the change', () => calls.length === 1);
    expect(errors.at(-1)?.message).toContain('Too large resource version');
    // The cache refuses that version too: this once, the database is asked.
    const lists = rig.server.seen.filter(({ query }) => !query.has('watch')).slice(1);
    expect(lists.map(({ query }) => query.get('resourceVersion'))).toEqual([lost, null]);
    expect(reflector.statistics.lists).toBe(3);
  });
});

describe('a half-open connection', () => {
  it('is noticed after three minutes of silence', async () => {
    const { reflector, calls, errors } = rig.reflect({}, fastClock(1000));
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    rig.server.silent = true;
    rig.services.put('default/a', { a: 1 });
    await eventually('suspicion', () => errors.length === 1);
    expect(errors[0]?.message).toContain('the watch was silent for 180 s');
    rig.server.silent = false;
    // The next attempt may have been swallowed as well.
    await eventually('the change', () => calls.length === 1);
  });

  it('is not suspected while bookmarks come', async () => {
    const { reflector, errors } = rig.reflect({}, fastClock(200));
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    const until = performance.now() + 2000;
    while (performance.now() < until) {
      rig.services.bookmark();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(errors).toEqual([]);
    expect(reflector.statistics.watches).toBe(1);
  });
});
