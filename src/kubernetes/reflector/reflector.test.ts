import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { releaseSpareMemory } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { ApiClient, Reflector } from '../index.ts';
import type { KubernetesObject, ReflectorOptions } from '../index.ts';
import { fastClock } from '../../runtime/testing/index.ts';
import { eventually, FaultyServer } from '../testing/index.ts';
import type { Collection, StoredObject } from '../testing/index.ts';

const path = '/api/v1/services';

let server: FaultyServer;
let services: Collection;
let client: ApiClient;
const running = new Set<{ stop(): Promise<void> }>();

beforeEach(async () => {
  server = await FaultyServer.start();
  services = server.collection(path);
  client = new ApiClient({ server: server.url });
});

afterEach(async () => {
  await Promise.all([...running].map((reflector) => reflector.stop()));
  running.clear();
  await client.close();
  await server.stop();
});

interface Watched {
  reflector: Reflector<string>;
  calls: [key: string, current: string | undefined, previous: string | undefined][];
  errors: { message: string; retryInMilliseconds: number }[];
}

/** A reflector that keeps the field `a` of each object as text; its clock runs 100 times as fast as ours. */
function reflect(options: Partial<ReflectorOptions<string>> = {}, clock: Clock = fastClock(100)): Watched {
  const calls: Watched['calls'] = [];
  const errors: Watched['errors'] = [];
  const reflector = new Reflector<string>({
    name: 'services',
    client,
    path,
    transform: (raw: KubernetesObject) => String((raw as StoredObject)['a']),
    handler: { changed: (...call) => void calls.push(call) },
    onError: ({ message }, { retryInMilliseconds }) => void errors.push({ message, retryInMilliseconds }),
    // Far away, unless the test is about it.
    relistSeconds: 1_000_000,
    clock,
    ...options,
  });
  running.add(reflector);
  reflector.start();
  return { reflector, calls, errors };
}

function contentOf(reflector: Reflector<string>): string[] {
  return [...reflector.values()].sort();
}

describe('the first list', () => {
  it('is complete when synced resolves, and every object has been announced', async () => {
    server.pageSize = 10;
    for (let i = 0; i < 25; i += 1) services.put(`default/s${i}`, { a: i });
    let announced = -1;
    const calls: string[] = [];
    const { reflector } = reflect({
      handler: { changed: (key) => void calls.push(key), synced: () => (announced = calls.length) },
    });
    await reflector.synced;
    expect(announced).toBe(25);
    expect(reflector.get('default/s24')).toBe('24');
    expect([...reflector.values()]).toHaveLength(25);
  });

  it('is asked for from the cache of the server, in pages, with the selectors', async () => {
    const { reflector } = reflect({ labelSelector: '!a', fieldSelector: 'spec.clusterIP!=None' });
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    const [list, watch] = server.seen;
    expect(Object.fromEntries(list?.query ?? [])).toEqual({
      labelSelector: '!a',
      fieldSelector: 'spec.clusterIP!=None',
      resourceVersion: '0',
      limit: '500',
    });
    expect(Object.fromEntries(watch?.query ?? [])).toMatchObject({
      labelSelector: '!a',
      fieldSelector: 'spec.clusterIP!=None',
      resourceVersion: String(services.version),
      allowWatchBookmarks: 'true',
    });
    const timeout = Number(watch?.query.get('timeoutSeconds'));
    expect(timeout).toBeGreaterThanOrEqual(300);
    expect(timeout).toBeLessThanOrEqual(600);
  });

  it('is asked for from the database if the server refuses its cache', async () => {
    services.put('default/a', { a: 1 });
    server.intercept = ({ query }) =>
      query.get('resourceVersion') === '0' ? { status: 504, body: '{"reason":"Timeout"}' } : undefined;
    const { reflector, errors } = reflect();
    await reflector.synced;
    expect(contentOf(reflector)).toEqual(['1']);
    expect(errors).toEqual([]);
  });

  it('starts over when its version expires between two pages', async () => {
    server.pageSize = 10;
    for (let i = 0; i < 25; i += 1) services.put(`default/s${i}`, { a: i });
    services.continuesToExpire = 1;
    const { reflector, calls } = reflect();
    await reflector.synced;
    expect(calls).toHaveLength(25);
  });

  it('is tried until the server is there', async () => {
    const { port } = server;
    await server.stop();
    const { reflector, errors } = reflect();
    await eventually('three attempts', () => errors.length >= 3);
    expect(errors[0]?.message).toContain('ECONNREFUSED');
    await server.listen(port);
    await reflector.synced;
    expect(reflector.statistics).toMatchObject({ lastError: errors.at(-1)?.message, errors: errors.length });
  });

  it('never comes if the reflector is stopped before, which synced tells', async () => {
    server.silent = true;
    const { reflector } = reflect();
    await reflector.stop();
    await expect(reflector.synced).rejects.toThrow('reflector services was stopped');
  });
});

describe('the watch', () => {
  it('announces what is new, different and gone', async () => {
    services.put('default/a', { a: 1 });
    const { reflector, calls } = reflect();
    await reflector.synced;
    services.put('default/b', { a: 2 });
    services.put('default/a', { a: 3 });
    services.drop('default/b');
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
    const { reflector, calls, errors } = reflect();
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    services.put('default/a', { a: 1 });
    await eventually('the event', () => calls.length === 1);
    services.endWatches();
    services.put('default/b', { a: 2 });
    await eventually('what happened in the gap', () => calls.length === 2);
    expect(reflector.statistics).toMatchObject({ lists: 1, errors: 0 });
    expect(errors).toEqual([]);
  });

  it('goes on where it was after the connection broke, without listing again', async () => {
    const { reflector, calls, errors } = reflect();
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    services.put('default/a', { a: 1 });
    await eventually('the event', () => calls.length === 1);
    server.dropConnections();
    services.drop('default/a');
    services.put('default/b', { a: 2 });
    await eventually('what happened in the gap', () => calls.length === 3);
    expect(contentOf(reflector)).toEqual(['2']);
    expect(reflector.statistics.lists).toBe(1);
    expect(errors).toHaveLength(1);
  });

  it('goes on from the last bookmark', async () => {
    const { reflector, errors } = reflect();
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    server.collection('/api/v1/pods').put('default/elsewhere');
    services.bookmark();
    const before = reflector.statistics.lastEventAt ?? 0;
    await eventually('the bookmark', () => (reflector.statistics.lastEventAt ?? 0) > before);
    server.dropConnections();
    await eventually('the error', () => errors.length === 1);
    await eventually('another watch', () => services.watchers === 1);
    expect(server.seen.at(-1)?.query.get('resourceVersion')).toBe(String(services.version));
    expect(reflector.statistics.events).toBe(0);
  });

  it('waits longer and longer while the server is away, and at most 30 s', async () => {
    const { reflector, errors } = reflect({ random: () => 0 }, fastClock(1000));
    await reflector.synced;
    await server.stop();
    await eventually('eight attempts', () => errors.length >= 8);
    expect(errors.slice(0, 8).map(({ retryInMilliseconds }) => retryInMilliseconds)).toEqual([
      800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
    ]);
    expect(reflector.statistics.errors).toBe(errors.length);
    await server.listen(0);
  });

  it('waits as long as a busy server asks for', async () => {
    let refuse = true;
    server.intercept = ({ query }) =>
      refuse && query.has('watch')
        ? { status: 429, headers: { 'retry-after': '7' }, body: '{"reason":"TooManyRequests"}' }
        : undefined;
    const { reflector, errors } = reflect();
    await reflector.synced;
    await eventually('a refusal', () => errors.length === 1);
    expect(errors[0]?.retryInMilliseconds).toBe(7000);
    refuse = false;
    await eventually('a watch', () => services.watchers === 1);
  });

  it('does not hammer a server that ends every watch at once', async () => {
    server.intercept = ({ query }) => (query.has('watch') ? { status: 200, body: '' } : undefined);
    const { errors } = reflect();
    await eventually('two attempts', () => errors.length >= 2);
    expect(errors[0]?.message).toBe('GET /api/v1/services: the server ended the watch at once');
    expect(errors[0]?.retryInMilliseconds).toBeGreaterThan(300);
  });
});

describe('an expired version', () => {
  it('as an answer to the watch: lists again and announces the differences only', async () => {
    for (const key of ['a', 'b', 'c']) services.put(`default/${key}`, { a: key });
    const { reflector, calls, errors } = reflect();
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    calls.length = 0;
    server.intercept = ({ query }) => (query.has('watch') ? { status: 500 } : undefined);
    server.dropConnections();
    await eventually('the connection is lost', () => errors.length > 0);
    services.drop('default/a');
    services.put('default/b', { a: 'B' });
    services.put('default/d', { a: 'd' });
    services.compact();
    server.intercept = () => undefined;
    await eventually('the differences', () => calls.length === 3);
    expect(calls).toEqual([
      ['default/a', undefined, 'a'],
      ['default/b', 'B', 'b'],
      ['default/d', 'd', undefined],
    ]);
    expect(contentOf(reflector)).toEqual(['B', 'c', 'd']);
    expect(reflector.statistics.cacheMisses).toBe(0);
    expect(
      server.seen
        .filter(({ query }) => !query.has('watch'))
        .at(-1)
        ?.query.get('resourceVersion'),
    ).toBe(null);
  });

  it('in the middle of a watch: lists again at once, which is no error', async () => {
    const { reflector, calls, errors } = reflect();
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    services.eventsToLose = 1;
    services.put('default/a', { a: 1 });
    services.sendLine('{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}');
    services.endWatches();
    await eventually('the change', () => calls.length === 1);
    expect(reflector.statistics).toMatchObject({ lists: 2, errors: 0 });
    expect(errors).toEqual([]);
  });

  it('again and again: backs off', async () => {
    server.intercept = ({ query }) => (query.has('watch') ? { status: 410, body: '{"reason":"Expired"}' } : undefined);
    const { reflector, errors } = reflect();
    await eventually('some attempts', () => errors.length >= 3);
    expect(reflector.statistics.lists).toBeLessThanOrEqual(6);
  });
});

describe('a server that talks nonsense', () => {
  it.each(['{"type":"ADDED","object":{"metadata":', 'upstream connect error', '{"type":"ADDED","object":{}}'])(
    'is reported, and the watch goes on where it was: %s',
    async (line) => {
      const { reflector, calls, errors } = reflect();
      await reflector.synced;
      await eventually('a watch', () => services.watchers === 1);
      services.put('default/a', { a: 1 });
      services.sendLine(line);
      services.put('default/b', { a: 2 });
      await eventually('both changes', () => calls.length === 2);
      expect(errors.map(({ message }) => message)).toEqual([`GET /api/v1/services: not a watch event: ${line}`]);
      expect(reflector.statistics.lists).toBe(1);
    },
  );

  it('is asked for a fresh list when it rejects a version again and again, as after a restored backup', async () => {
    const { reflector, calls, errors } = reflect();
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    const lost = String(services.version);
    server.intercept = ({ query }) =>
      query.get('resourceVersion') === lost
        ? { status: 504, body: '{"reason":"Timeout","message":"Too large resource version"}' }
        : undefined;
    services.eventsToLose = 1;
    services.put('default/a', { a: 1 });
    server.dropConnections();
    await eventually('the change', () => calls.length === 1);
    expect(errors.at(-1)?.message).toContain('Too large resource version');
    expect(reflector.statistics.lists).toBe(2);
  });
});

describe('a half-open connection', () => {
  it('is noticed after three minutes of silence', async () => {
    const { reflector, calls, errors } = reflect({}, fastClock(1000));
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    server.silent = true;
    services.put('default/a', { a: 1 });
    await eventually('suspicion', () => errors.length === 1);
    expect(errors[0]?.message).toContain('the watch was silent for 180 s');
    server.silent = false;
    // The next attempt may have been swallowed as well.
    await eventually('the change', () => calls.length === 1);
  });

  it('is not suspected while bookmarks come', async () => {
    const { reflector, errors } = reflect({}, fastClock(200));
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    const until = performance.now() + 2000;
    while (performance.now() < until) {
      services.bookmark();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(errors).toEqual([]);
    expect(reflector.statistics.watches).toBe(1);
  });
});

describe('lost events', () => {
  it('are found and repaired by the periodic comparison, and counted', async () => {
    for (const key of ['a', 'b', 'c']) services.put(`default/${key}`, { a: key });
    const { reflector, calls, errors } = reflect({ relistSeconds: 100 });
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    calls.length = 0;
    services.eventsToLose = 3;
    services.put('default/a', { a: 'A' });
    services.drop('default/b');
    services.put('default/d', { a: 'd' });
    await eventually('repairs', () => calls.length === 3);
    services.bookmark();
    await eventually('the verdict', () => reflector.statistics.cacheMisses === 3);
    expect(contentOf(reflector)).toEqual(['A', 'c', 'd']);
    expect(errors.at(-1)?.message).toMatch(/^the watch had missed changes of 3 objects \(.*\); repaired$/);
    expect(reflector.statistics.watches).toBe(1);
  });

  it('are not confused with events that are still under way', async () => {
    services.put('default/gone', { a: 'gone' });
    services.put('default/same', { a: 'same' });
    const { reflector, calls } = reflect({ relistSeconds: 50 });
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    calls.length = 0;
    // The server holds its events back while it answers lists.
    const held: string[] = [];
    const send = services.sendLine.bind(services);
    services.hold = (line) => held.push(line);
    services.put('default/gone', { a: 'changed' });
    services.drop('default/gone');
    services.put('default/new', { a: 'new' });
    await eventually('repairs', () => calls.length === 2);
    for (const line of held) send(line);
    services.hold = undefined;
    services.bookmark();
    services.put('default/last', { a: 'last' });
    await eventually('the last event', () => reflector.get('default/last') === 'last');
    // Nothing flickered: what was deleted did not come back for a moment.
    expect(calls.slice(0, 3)).toEqual([
      ['default/gone', undefined, 'gone'],
      ['default/new', 'new', undefined],
      ['default/last', 'last', undefined],
    ]);
    expect(reflector.statistics.cacheMisses).toBe(0);
  });

  it('are not confused with events that overtake the list', async () => {
    services.put('default/changed', { a: 1 });
    services.put('default/gone', { a: 1 });
    const { reflector, calls } = reflect({ relistSeconds: 50 });
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    const delayed = Promise.withResolvers<undefined>();
    server.delay = () => delayed.promise;
    await eventually('a list is worked out', () => reflector.statistics.lists === 2 && server.seen.length === 3);
    calls.length = 0;
    services.put('default/changed', { a: 2 });
    services.drop('default/gone');
    services.put('default/new', { a: 2 });
    await eventually('the events', () => calls.length === 3);
    server.delay = () => undefined;
    delayed.resolve(undefined);
    await eventually('the next comparison', () => reflector.statistics.lists === 3);
    expect(calls).toEqual([
      ['default/changed', '2', '1'],
      ['default/gone', undefined, '1'],
      ['default/new', '2', undefined],
    ]);
    expect(reflector.statistics.cacheMisses).toBe(0);
  });

  it('are looked for again when a comparison failed', async () => {
    const { reflector, calls, errors } = reflect({ relistSeconds: 50 });
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    server.intercept = () => ({ status: 500 });
    services.eventsToLose = 1;
    services.put('default/a', { a: 1 });
    await eventually('a failed comparison', () => errors.length > 0);
    server.intercept = () => undefined;
    await eventually('the repair', () => calls.length === 1);
  });
});

describe('the code of its user', () => {
  it('may throw in the handler: that is reported, and the loop goes on', async () => {
    services.put('default/a', { a: 1 });
    const { reflector, errors } = reflect({
      handler: {
        changed: (key) => {
          throw new Error(`cannot bear ${key}`);
        },
        synced: () => {
          throw new Error('not ready');
        },
      },
    });
    await reflector.synced;
    services.put('default/b', { a: 2 });
    await eventually('all reports', () => errors.length === 3);
    expect(errors.map(({ message }) => message)).toEqual([
      'services: default/a: cannot bear default/a',
      'services: synced: not ready',
      'services: default/b: cannot bear default/b',
    ]);
    expect(contentOf(reflector)).toEqual(['1', '2']);
  });

  it('may fail to convert an object: the last good value stays, the others do not suffer', async () => {
    services.put('default/bad', { a: 1 });
    services.put('default/never', { a: 'bad' });
    const { reflector, calls, errors } = reflect({
      transform: (raw) => {
        const a = String((raw as StoredObject)['a']);
        if (a === 'bad') throw new Error('malformed');
        return a;
      },
    });
    await reflector.synced;
    services.put('default/bad', { a: 'bad' });
    services.put('default/good', { a: 2 });
    await eventually('the good one', () => reflector.get('default/good') === '2');
    expect(contentOf(reflector)).toEqual(['1', '2']);
    expect(errors.map(({ message }) => message)).toEqual([
      'services: default/never: malformed',
      'services: default/bad: malformed',
    ]);
    services.drop('default/never');
    services.put('default/bad', { a: 3 });
    await eventually('recovery', () => reflector.get('default/bad') === '3');
    expect(calls.map(([key]) => key)).toEqual(['default/bad', 'default/good', 'default/bad']);
  });

  it('cannot start a reflector twice', () => {
    const { reflector } = reflect();
    expect(() => reflector.start()).toThrow('was started before');
  });
});

it('keeps whole objects when it is not told what to keep', async () => {
  services.put('default/a', { a: 1 });
  const reflector = new Reflector({ name: 'services', client, path, handler: { changed: () => undefined } });
  running.add(reflector);
  reflector.start();
  await reflector.synced;
  expect(reflector.get('default/a')).toEqual(services.objects.get('default/a'));
});

describe('a reflector that keeps versions only', () => {
  it('tells its handler of each object once, also when it lists again, and of what is gone', async () => {
    for (const key of ['a', 'b']) services.put(`default/${key}`, { a: key });
    const { reflector, calls, errors } = reflect({ keep: 'versions' });
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    services.put('default/a', { a: 'A' });
    await eventually('the change', () => calls.length === 3);
    services.eventsToLose = 2;
    services.put('default/c', { a: 'c' });
    services.drop('default/b');
    services.sendLine('{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}');
    await eventually('the differences', () => calls.length === 5);
    expect(reflector.statistics.lists).toBe(2);
    expect(calls).toEqual([
      ['default/a', 'a', undefined],
      ['default/b', 'b', undefined],
      ['default/a', 'A', undefined],
      ['default/b', undefined, undefined],
      ['default/c', 'c', undefined],
    ]);
    expect(errors).toEqual([]);
  });

  it('finds lost events as every other does', async () => {
    for (const key of ['a', 'b']) services.put(`default/${key}`, { a: key });
    const { reflector, calls } = reflect({ keep: 'versions', relistSeconds: 100 });
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    calls.length = 0;
    services.eventsToLose = 2;
    services.put('default/a', { a: 'A' });
    services.drop('default/b');
    await eventually('repairs', () => calls.length === 2);
    services.bookmark();
    await eventually('the verdict', () => reflector.statistics.cacheMisses === 2);
    expect(calls).toEqual([
      ['default/b', undefined, undefined],
      ['default/a', 'A', undefined],
    ]);
  });

  it('says nothing about the end of an object that it never could tell of', async () => {
    services.put('default/never', { a: 'bad' });
    const { reflector, calls, errors } = reflect({
      keep: 'versions',
      transform: (raw) => {
        const a = String((raw as StoredObject)['a']);
        if (a === 'bad') throw new Error('malformed');
        return a;
      },
    });
    await reflector.synced;
    services.put('default/good', { a: 1 });
    services.put('default/good', { a: 'bad' });
    services.drop('default/never');
    services.drop('default/good');
    await eventually('the end', () => calls.length === 2);
    expect(calls).toEqual([
      ['default/good', '1', undefined],
      ['default/good', undefined, undefined],
    ]);
    expect(errors).toHaveLength(2);
  });
});

it.each([
  ['versions', 0],
  ['objects', 100],
] as const)(
  'a reflector that keeps %s holds %i of a hundred objects once its handler has them',
  async (keep, count) => {
    for (let i = 0; i < 100; i += 1) services.put(`default/s${i}`, { a: i });
    const told: WeakRef<KubernetesObject>[] = [];
    const reflector = new Reflector({
      name: 'services',
      client,
      path,
      keep,
      handler: {
        changed: (_key, current) => {
          if (current !== undefined) told.push(new WeakRef(current));
        },
      },
    });
    running.add(reflector);
    reflector.start();
    await reflector.synced;
    await eventually('a watch', () => services.watchers === 1);
    releaseSpareMemory();
    const held = told.filter((object) => object.deref() !== undefined);
    expect([told.length, held.length]).toEqual([100, count]);
    expect([...reflector.values()]).toHaveLength(count);
  },
);
