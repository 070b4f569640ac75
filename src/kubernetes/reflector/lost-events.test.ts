import { describe, expect, it } from 'vitest';
import { eventually } from '../testing/index.ts';
import { contentOf, useReflectorRig } from './testing/index.ts';

const rig = useReflectorRig();

describe('lost events', () => {
  it('are found and repaired by the periodic comparison, and counted', async () => {
    for (const key of ['a', 'b', 'c']) rig.services.put(`default/${key}`, { a: key });
    const { reflector, calls, errors } = rig.reflect({ relistSeconds: 100 });
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    calls.length = 0;
    rig.services.eventsToLose = 3;
    rig.services.put('default/a', { a: 'A' });
    rig.services.drop('default/b');
    rig.services.put('default/d', { a: 'd' });
    await eventually('repairs', () => calls.length === 3);
    rig.services.bookmark();
    await eventually('the verdict', () => reflector.statistics.cacheMisses === 3);
    expect(contentOf(reflector)).toEqual(['A', 'c', 'd']);
    expect(errors.at(-1)?.message).toMatch(/^the watch had missed changes of 3 objects \(.*\); repaired$/);
    expect(reflector.statistics.watches).toBe(1);
  });

  it('are not confused with events that are still under way', async () => {
    rig.services.put('default/gone', { a: 'gone' });
    rig.services.put('default/same', { a: 'same' });
    const { reflector, calls } = rig.reflect({ relistSeconds: 50 });
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    calls.length = 0;
    // The server holds its events back while it answers lists.
    const held: string[] = [];
    const send = rig.services.sendLine.bind(rig.services);
    rig.services.hold = (line) => held.push(line);
    rig.services.put('default/gone', { a: 'changed' });
    rig.services.drop('default/gone');
    rig.services.put('default/new', { a: 'new' });
    await eventually('repairs', () => calls.length === 2);
    for (const line of held) send(line);
    rig.services.hold = undefined;
    rig.services.bookmark();
    rig.services.put('default/last', { a: 'last' });
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
    rig.services.put('default/changed', { a: 1 });
    rig.services.put('default/gone', { a: 1 });
    const { reflector, calls } = rig.reflect({ relistSeconds: 50 });
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    const delayed = Promise.withResolvers<undefined>();
    rig.server.delay = () => delayed.promise;
    await eventually('a list is worked out', () => reflector.statistics.lists === 2 && rig.server.seen.length === 3);
    calls.length = 0;
    rig.services.put('default/changed', { a: 2 });
    rig.services.drop('default/gone');
    rig.services.put('default/new', { a: 2 });
    await eventually('the events', () => calls.length === 3);
    rig.server.delay = () => undefined;
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
    const { reflector, calls, errors } = rig.reflect({ relistSeconds: 50 });
    await reflector.synced;
    await eventually('a watch', () => rig.services.watchers === 1);
    rig.server.intercept = () => ({ status: 500 });
    rig.services.eventsToLose = 1;
    rig.services.put('default/a', { a: 1 });
    await eventually('a failed comparison', () => errors.length > 0);
    rig.server.intercept = () => undefined;
    await eventually('the repair', () => calls.length === 1);
  });
});
