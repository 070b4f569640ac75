import { describe, expect, it } from 'vitest';
import { releaseSpareMemory } from '../../runtime/index.ts';
import type { KubernetesObject } from '../client/index.ts';
import { Reflector } from './index.ts';
import { eventually } from '../testing/index.ts';
import { contentOf, path, useReflectorRig } from './testing/index.ts';

const rig = useReflectorRig();

describe('the code of its user', () => {
  it('may throw in the handler: that is reported, and the loop goes on', async () => {
    rig.services.put('default/a', { a: 1 });
    const { reflector, errors } = rig.reflect({
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
    rig.services.put('default/b', { a: 2 });
    await eventually('all reports', () => errors.length === 3);
    expect(errors.map(({ message }) => message)).toEqual([
      'services: default/a: cannot bear default/a',
      'services: synced: not ready',
      'services: default/b: cannot bear default/b',
    ]);
    expect(contentOf(reflector)).toEqual(['1', '2']);
  });

  it('may fail to convert an object: the last good value stays, the others do not suffer', async () => {
    rig.services.put('default/bad', { a: 1 });
    rig.services.put('default/never', { a: 'bad' });
    const { reflector, calls, errors } = rig.reflect({});
    await reflector.synced;
    rig.services.put('default/bad', { a: 'bad' });
    rig.services.put('default/good', { a: 2 });
    await eventually('the good one', () => reflector.get('default/good') === '2');
    expect(contentOf(reflector)).toEqual(['1', '2']);
    expect(errors.map(({ message }) => message)).toEqual([
      'services: default/never: malformed',
      'services: default/bad: malformed',
    ]);
    rig.services.drop('default/never');
    rig.services.put('default/bad', { a: 3 });
    await eventually('recovery', () => reflector.get('default/bad') === '3');
    expect(calls.map(([key]) => key)).toEqual(['default/bad', 'default/good', 'default/bad']);
  });

  it('cannot start a reflector twice', () => {
    const { reflector } = rig.reflect();
    expect(() => reflector.start()).toThrow('was started before');
  });
});

it('keeps whole objects when it is not told what to keep', async () => {
  rig.services.put('default/a', { a: 1 });
  const reflector = new Reflector({
    name: 'services',
    client: rig.client,
    path,
    handler: { changed: () => undefined },
  });
  rig.adopt(reflector);
  await reflector.synced;
  expect(reflector.get('default/a')).toEqual(rig.services.objects.get('default/a'));
});

describe('a reflector that keeps versions only', () => {
  it('tells its handler of each object once, also when it lists again, and of what is gone', async () => {
    for (const key of ['a', 'b']) rig.services.put(`default/${key}`, { a: key });
    const { reflector, calls, errors } = rig.reflect({ keep: 'versions' });
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    rig.services.put('default/a', { a: 'A' });
    await eventually('the change', () => calls.length === 3);
    rig.services.eventsToLose = 2;
    rig.services.put('default/c', { a: 'c' });
    rig.services.drop('default/b');
    rig.services.sendLine('{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}');
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
    for (const key of ['a', 'b']) rig.services.put(`default/${key}`, { a: key });
    const { reflector, calls } = rig.reflect({ keep: 'versions', relistSeconds: 100 });
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    calls.length = 0;
    rig.services.eventsToLose = 2;
    rig.services.put('default/a', { a: 'A' });
    rig.services.drop('default/b');
    await eventually('repairs', () => calls.length === 2);
    rig.services.bookmark();
    await eventually('the verdict', () => reflector.statistics.cacheMisses === 2);
    expect(calls).toEqual([
      ['default/b', undefined, undefined],
      ['default/a', 'A', undefined],
    ]);
  });

  it('says nothing about the end of an object that it never could tell of', async () => {
    rig.services.put('default/never', { a: 'bad' });
    const { reflector, calls, errors } = rig.reflect({ keep: 'versions' });
    await reflector.synced;
    rig.services.put('default/good', { a: 1 });
    rig.services.put('default/good', { a: 'bad' });
    rig.services.drop('default/never');
    rig.services.drop('default/good');
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
    for (let i = 0; i < 100; i += 1) rig.services.put(`default/s${i}`, { a: i });
    const told: WeakRef<KubernetesObject>[] = [];
    const reflector = new Reflector({
      name: 'services',
      client: rig.client,
      path,
      keep,
      handler: {
        changed: (_key, current) => {
          if (current !== undefined) told.push(new WeakRef(current));
        },
      },
    });
    rig.adopt(reflector);
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    releaseSpareMemory();
    const held = told.filter((object) => object.deref() !== undefined);
    expect([told.length, held.length]).toEqual([100, count]);
    expect([...reflector.values()]).toHaveLength(count);
  },
);
