import { describe, expect, it } from 'vitest';
import { fastClock } from '../../runtime/testing/index.ts';
import { eventually } from '../testing/index.ts';
import { contentOf, useReflectorRig } from './testing/index.ts';

const rig = useReflectorRig();
const followed = async ({ reflector }: ReturnType<typeof rig.reflect>): Promise<void> => {
  await reflector.synced;
  await eventually('a watch', () => rig.services.watchers === 1);
};
/** A collection that has gone on since a backup: one object is another one, and one has come. */
async function goneOn() {
  rig.services.put('default/a', { a: 1 });
  const restore = rig.services.backup();
  const watched = rig.reflect();
  await followed(watched);
  rig.services.put('default/a', { a: 2 });
  rig.services.put('default/b', { a: 'b' });
  await eventually('both', () => contentOf(watched.reflector).join() === '2,b');
  return { watched, restore };
}
const probes = () => rig.server.seen.filter(({ query }) => query.get('limit') === '1');

describe('an API server whose database is put back to an earlier state', () => {
  it('is found out soon after the connection broke, and its state is taken over', async () => {
    rig.services.put('default/a', { a: 1 });
    rig.services.put('default/gone', { a: 'gone' });
    const restore = rig.services.backup();
    const watched = rig.reflect();
    await followed(watched);
    rig.services.drop('default/gone');
    for (let a = 2; a < 20; a++) rig.services.put('default/a', { a });
    rig.services.put('default/later', { a: 'later' });
    await eventually('all of it', () => contentOf(watched.reflector).join() === '19,later');
    restore();
    rig.server.dropConnections();
    await eventually('the earlier state', () => contentOf(watched.reflector).join() === '1,gone');
    expect(watched.errors.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(
        /^GET \/api\/v1\/services: the API server is at version \d+, after \d+: its database was put back/,
      ),
    );
    await eventually('another watch', () => rig.services.watchers === 1);
    rig.services.put('default/a', { a: 'new' });
    await eventually('what happens in the new history', () => contentOf(watched.reflector).join() === 'gone,new');
  });

  it('gives versions a second time: what they stood for before is forgotten', async () => {
    const { watched, restore } = await goneOn();
    restore();
    // The very version that stood for 2.
    rig.services.put('default/a', { a: 'other' });
    rig.server.dropConnections();
    await eventually('the other history', () => contentOf(watched.reflector).join() === 'other');
  });

  it('is found out by the silence, if no connection broke', async () => {
    rig.services.put('default/a', { a: 1 });
    const restore = rig.services.backup();
    const watched = rig.reflect({}, fastClock(1000));
    await followed(watched);
    for (let a = 2; a < 20; a++) rig.services.put('default/a', { a });
    await eventually('the last', () => contentOf(watched.reflector).join() === '19');
    restore();
    rig.services.put('default/a', { a: 'other' });
    await eventually('the other history', () => contentOf(watched.reflector).join() === 'other');
  });
});

describe('a watch that was resumed after a broken connection', () => {
  it('is checked by one object of a list, once, where nothing happens', async () => {
    const watched = rig.reflect();
    await followed(watched);
    rig.server.dropConnections();
    await eventually('the check', () => probes().length === 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(probes()).toHaveLength(1);
    expect(watched.reflector.statistics.lists).toBe(1);
  });

  it('is checked too when the server ended the one before in order but early, as one does that stops', async () => {
    const { watched, restore } = await goneOn();
    restore();
    rig.services.endWatches();
    await eventually('the earlier state', () => contentOf(watched.reflector).join() === '1');
  });

  it('is not checked when the one before was ended at the time that was asked for', async () => {
    // It asks for 300 s.
    const watched = rig.reflect({ random: () => 0.999 }, fastClock(500));
    await followed(watched);
    const until = performance.now() + 700;
    while (performance.now() < until) {
      rig.services.bookmark();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    rig.services.endWatches();
    await eventually('another watch', () => watched.reflector.statistics.watches === 2 && rig.services.watchers === 1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(watched.errors).toEqual([]);
    expect(probes()).toHaveLength(0);
  });

  it('is not checked where events show that the server goes on', async () => {
    const watched = rig.reflect({}, fastClock(20));
    await followed(watched);
    rig.server.dropConnections();
    await eventually('another watch', () => watched.reflector.statistics.watches === 2 && rig.services.watchers === 1);
    rig.services.put('default/a', { a: 1 });
    await eventually('the event', () => contentOf(watched.reflector).join() === '1');
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(probes()).toHaveLength(0);
  });

  it('is checked again when that failed, and goes on meanwhile', async () => {
    const watched = rig.reflect();
    await followed(watched);
    rig.server.intercept = ({ query }) => (query.get('limit') === '1' ? { status: 500 } : undefined);
    rig.server.dropConnections();
    await eventually('two attempts', () => probes().length === 2);
    rig.services.put('default/a', { a: 1 });
    await eventually('the event', () => contentOf(watched.reflector).join() === '1');
    expect(watched.reflector.statistics.lists).toBe(1);
  });
});
