import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { eventually } from '../testing/index.ts';
import type { KubernetesObject } from '../client/index.ts';
import { useReflectorRig } from './testing/index.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 120_000 });

const rig = useReflectorRig();
const objects = 20_000;
/** What one turn of the event loop may hold: some 100 kB of a list. One that is worked in at once has it all in one. */
const mostInOneTurn = 3000;

/** Counts what is done between two turns of the event loop. */
class Turns {
  most = 0;
  #now = 0;
  #stopped = false;

  constructor() {
    const next = (): void => {
      this.#now = 0;
      if (!this.#stopped) setImmediate(next);
    };
    setImmediate(next);
  }

  done(): void {
    this.#now += 1;
    this.most = Math.max(this.most, this.#now);
  }

  stop(): void {
    this.#stopped = true;
  }
}

let converted: Turns;
let told: Turns;
beforeEach(() => {
  converted = new Turns();
  told = new Turns();
});
afterEach(() => {
  converted.stop();
  told.stop();
});

const transform = ({ metadata }: KubernetesObject): string => {
  converted.done();
  return metadata.name;
};
const handler = { changed: () => told.done() };

/** Cached lists come in one piece, whatever limit was asked for. */
function fill(version: number): void {
  for (let n = 0; n < objects; n += 1) rig.services.put(`default/s${n}`, { a: version, padding: 'x'.repeat(200) });
}

it('a list of 20,000 objects in one piece leaves everything else its turn', async () => {
  fill(1);
  rig.server.ignoreLimit = true;
  const { reflector } = rig.reflect({ transform, handler });
  await reflector.synced;
  expect(rig.server.seen.filter(({ query }) => !query.has('watch'))).toHaveLength(1);
  expect([...reflector.values()]).toHaveLength(objects);
  expect(converted.most).toBeLessThan(mostInOneTurn);
  expect(told.most).toBeLessThan(mostInOneTurn);
});

it('a list after an outage that finds 20,000 objects changed and gone leaves everything else its turn', async () => {
  fill(1);
  rig.server.ignoreLimit = true;
  const { reflector } = rig.reflect({ transform, handler });
  await reflector.synced;
  const { port } = rig.server;
  await rig.server.stop();
  for (let n = 0; n < objects; n += 1) {
    if (n % 2 === 0) rig.services.drop(`default/s${n}`);
    else rig.services.put(`default/s${n}`, { a: 2 });
  }
  rig.services.compact();
  await rig.server.listen(port);
  await eventually('the differences', () => [...reflector.values()].length === objects / 2);
  await eventually('the watch', () => rig.services.watchers === 1);
  expect(told.most).toBeLessThan(mostInOneTurn);
  expect(converted.most).toBeLessThan(mostInOneTurn);
});

it('the comparison with a fresh list of 20,000 objects leaves everything else its turn, and the watch goes on', async () => {
  fill(1);
  rig.server.ignoreLimit = true;
  const { reflector } = rig.reflect({ transform, handler, relistSeconds: 100 });
  await reflector.synced;
  await eventually('a watch', () => rig.services.watchers === 1);
  rig.services.eventsToLose = objects;
  fill(2);
  await eventually('the comparison', () => reflector.statistics.lists > 1 && reflector.statistics.events === 0);
  rig.services.put('default/late');
  await eventually('the late one', () => reflector.get('default/late') !== undefined);
  rig.services.bookmark();
  await eventually('the verdict', () => reflector.statistics.cacheMisses === objects);
  expect(told.most).toBeLessThan(mostInOneTurn);
});
