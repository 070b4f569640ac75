import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiClient, Reflector } from '../index.ts';
import { fastClock } from '../../runtime/testing/index.ts';
import { eventually, FaultyServer } from '../testing/index.ts';
import type { Collection, StoredObject } from '../testing/index.ts';
import { path } from './testing/index.ts';

type Change = { do: 'put'; key: string; a: number } | { do: 'drop'; key: string };
type Step =
  | Change
  /** These changes come in another order: that of the numbers. */
  | { do: 'shuffle'; changes: { change: Change; at: number }[] }
  /** Some events that were sent before come again, from the end of all that were. */
  | { do: 'repeat'; back: number; count: number }
  /** The next watch begins too early, and repeats what was told. */
  | { do: 'begin earlier'; by: number }
  | { do: 'bookmark'; back: number }
  | { do: 'pause' | 'end watches' | 'expire' | 'compact' };

const key = fc.integer({ min: 0, max: 5 }).map((i) => `ns${i % 2}/s${i}`);
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('put' as const), key, a: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), key }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: change },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('shuffle' as const),
      changes: fc.array(fc.record({ change, at: fc.nat(99) }), { minLength: 2, maxLength: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('repeat' as const),
      back: fc.integer({ min: 1, max: 20 }),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('begin earlier' as const), by: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bookmark' as const), back: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      { do: 'pause' as const },
      { do: 'end watches' as const },
      { do: 'expire' as const },
      { do: 'compact' as const },
    ),
  },
);

function make(services: Collection, change: Change): void {
  if (change.do === 'put') services.put(change.key, { a: change.a });
  else services.drop(change.key);
}

function shuffle(services: Collection, changes: readonly { change: Change; at: number }[]): void {
  const held: { line: string; at: number }[] = [];
  for (const { change, at } of changes) {
    services.hold = (line) => held.push({ line, at });
    make(services, change);
  }
  services.hold = undefined;
  for (const { line } of held.sort((a, b) => a.at - b.at)) services.sendLine(line);
}

async function perform(services: Collection, step: Step): Promise<void> {
  if (step.do === 'put' || step.do === 'drop') make(services, step);
  else if (step.do === 'shuffle') shuffle(services, step.changes);
  else if (step.do === 'repeat') {
    const { events } = services;
    const from = Math.max(0, events.length - step.back);
    for (const line of events.slice(from, from + step.count)) services.sendLine(line);
  } else if (step.do === 'begin earlier') services.earlier = step.by;
  else if (step.do === 'bookmark') services.bookmark(step.back);
  else await disturb(services, step.do);
}

async function disturb(services: Collection, what: 'pause' | 'end watches' | 'expire' | 'compact'): Promise<void> {
  if (what === 'pause') await new Promise((resolve) => setTimeout(resolve, 3));
  else if (what === 'end watches') services.endWatches();
  else if (what === 'compact') services.compact();
  else services.sendLine('{"type":"ERROR","object":{"code":410,"reason":"Expired"}}');
}

/** Runs the steps; what a reflector told of each key is never older than what it told before. */
async function live(keep: 'objects' | 'versions', steps: readonly Step[]): Promise<void> {
  const server = await FaultyServer.start();
  const services = server.collection(path);
  const client = new ApiClient({ server: server.url });
  const told = new Map<string, StoredObject>();
  const newest = new Map<string, number>();
  const backwards: string[] = [];
  const reflector = new Reflector<StoredObject>({
    ...{ name: 'services', client, path, keep, clock: fastClock(1000) },
    handler: {
      changed: (key, current) => {
        if (current === undefined) return void told.delete(key);
        const version = Number(current.metadata.resourceVersion);
        if (version <= (newest.get(key) ?? 0)) backwards.push(`${key} at ${version} after ${newest.get(key)}`);
        newest.set(key, version);
        told.set(key, current);
      },
    },
    // Only doubt leads to a comparison.
    relistSeconds: 1_000_000_000,
  });
  reflector.start();
  try {
    await reflector.synced;
    for (const step of steps) await perform(services, step);
    const all = (objects: Map<string, StoredObject>): string => JSON.stringify([...objects].sort());
    await eventually('what was told equals a fresh list', () => all(told) === all(services.objects));
    expect(backwards).toEqual([]);
  } finally {
    await reflector.stop();
    await client.close();
    await server.stop();
  }
}

describe('events that are repeated, late, in another order, or of the past', () => {
  it('lead to what a fresh list says, and nothing is ever told that is older than what was', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('objects' as const, 'versions' as const),
        fc.array(step, { minLength: 5, maxLength: 60 }),
        live,
      ),
      { numRuns: 100 },
    );
  }, 120_000);
});
