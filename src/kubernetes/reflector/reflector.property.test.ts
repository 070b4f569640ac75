import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiClient, Reflector } from '../index.ts';
import { fastClock } from '../../runtime/testing/index.ts';
import { eventually, FaultyServer } from '../testing/index.ts';
import type { StoredObject } from '../testing/index.ts';
import { objectKey } from '../client/index.ts';

const path = '/api/v1/services';

type Step =
  | { do: 'put'; key: string; a: number }
  | { do: 'drop'; key: string }
  | { do: 'pause' }
  | { do: 'lose'; events: number }
  | { do: 'refuse'; status: number; times: number }
  | { do: 'bookmark' | 'end watches' | 'drop connections' | 'compact' | 'expire' | 'nonsense' | 'expire continue' };

const key = fc.integer({ min: 0, max: 11 }).map((i) => `ns${i % 3}/s${i}`);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('put' as const), key, a: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('drop' as const), key }) },
  { weight: 4, arbitrary: fc.constant({ do: 'pause' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), events: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('refuse' as const),
      status: fc.constantFrom(410, 429, 500, 504),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(
        'bookmark' as const,
        'end watches' as const,
        'drop connections' as const,
        'compact' as const,
        'expire' as const,
        'nonsense' as const,
        'expire continue' as const,
      )
      .map((name) => ({ do: name })),
  },
);

async function perform(server: FaultyServer, step: Step): Promise<void> {
  const services = server.collection(path);
  if (step.do === 'put') services.put(step.key, { a: step.a });
  else if (step.do === 'drop') services.drop(step.key);
  else if (step.do === 'lose') services.eventsToLose = step.events;
  else if (step.do === 'refuse') refuse(server, step.status, step.times);
  else if (step.do === 'pause') await new Promise((resolve) => setTimeout(resolve, 8));
  else simpleFaults[step.do](server);
}

function refuse(server: FaultyServer, status: number, times: number): void {
  let left = times;
  server.intercept = () => (left-- > 0 ? { status } : undefined);
}

const simpleFaults = {
  bookmark: (server: FaultyServer): void => server.collection(path).bookmark(),
  'end watches': (server: FaultyServer): void => server.collection(path).endWatches(),
  'drop connections': (server: FaultyServer): void => server.dropConnections(),
  compact: (server: FaultyServer): void => server.collection(path).compact(),
  expire: (server: FaultyServer): void =>
    server.collection(path).sendLine('{"type":"ERROR","object":{"code":410,"reason":"Expired"}}'),
  nonsense: (server: FaultyServer): void => server.collection(path).sendLine('{"type":"ADDED","object":{"met'),
  'expire continue': (server: FaultyServer): void => {
    server.collection(path).continuesToExpire = 1;
  },
};

/** Runs the steps; answers the number of changes announced. */
async function live(keep: 'objects' | 'versions', before: Step[], steps: Step[]): Promise<number> {
  const server = await FaultyServer.start();
  server.pageSize = 4;
  for (const step of before) await perform(server, step);
  const client = new ApiClient({ server: server.url });
  const replayed = new Map<string, StoredObject>();
  const contradictions: string[] = [];
  let calls = 0;
  const reflector = new Reflector<StoredObject>({
    name: 'services',
    client,
    path,
    keep,
    handler: {
      changed: (key, current, previous) => {
        calls += 1;
        const before = keep === 'objects' ? replayed.get(key) : undefined;
        if (before !== previous) contradictions.push(`${key}: previous is not what was announced before`);
        if (current === undefined && !replayed.has(key)) contradictions.push(`${key}: gone before it was announced`);
        if (current === undefined) replayed.delete(key);
        else replayed.set(key, current);
      },
    },
    // Comparisons every 30 ms or so of the test's time, in the midst of it all.
    relistSeconds: 30,
    clock: fastClock(1000),
  });
  reflector.start();
  try {
    for (const step of steps) await perform(server, step);
    const services = server.collection(path);
    services.eventsToLose = 0;
    server.intercept = () => undefined;
    const wanted = (): string => JSON.stringify([...services.objects].sort());
    const told = (): string => JSON.stringify([...replayed].sort());
    await eventually('the replay equals the server', () => told() === wanted());
    const kept = [...reflector.values()].map((object) => [objectKey(object.metadata), object]).sort();
    expect(JSON.stringify(kept)).toBe(keep === 'objects' ? told() : '[]');
    expect(contradictions).toEqual([]);
    return calls;
  } finally {
    await reflector.stop();
    await client.close();
    await server.stop();
  }
}

describe('whatever happens', () => {
  it(
    'the store ends equal to the server, and so does a replay of what was announced',
    { timeout: 120_000 },
    async () => {
      let calls = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('objects' as const, 'versions' as const),
          fc.array(step, { maxLength: 12 }),
          fc.array(step, { minLength: 5, maxLength: 60 }),
          async (keep, before, steps) => {
            calls += await live(keep, before, steps);
          },
        ),
        { numRuns: 100 },
      );
      // The sequences were not over before anything happened.
      expect(calls).toBeGreaterThan(200);
    },
  );
});
