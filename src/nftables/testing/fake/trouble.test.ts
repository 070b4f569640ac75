import { describe, expect, it } from 'vitest';
import { probeFeatures, Transaction } from '../../index.ts';
import type { SetDefinition } from '../../index.ts';
import { FakeNftables } from './fake-nftables.ts';

const set: SetDefinition = { name: 's', key: ['inet_service'] };
const elements = ['1', '2', '3'].map((key) => ({ set: 's', key }));

/** A fake with a table and a set, and a socket. */
async function fakeWithSet(): Promise<{
  fake: FakeNftables;
  keys: () => Promise<string[]>;
  add: () => Promise<unknown>;
}> {
  const fake = new FakeNftables();
  const socket = fake.open();
  await socket.commit(new Transaction('t').addTable().addSet(set));
  return {
    fake,
    keys: async () => (await socket.elements('t', set)).map(({ key }) => key),
    add: () => socket.commit(new Transaction('t').addElements(set, elements)),
  };
}

describe('trouble that a test asks for', () => {
  it('can be the refusal of an element, which is blamed as the kernel would', async () => {
    const { fake, keys, add } = await fakeWithSet();
    fake.refuse(({ key }, change) => (key === '2' && change === 'add' ? 'ENOMEM' : undefined));
    await expect(add()).rejects.toMatchObject({ code: 'ENOMEM', culprits: [{ set: 's', element: { key: '2' } }] });
    expect(await keys()).toEqual([]);
    fake.refuse(() => undefined);
    await add();
    expect(await keys()).toEqual(['1', '2', '3']);
    expect(() => {
      fake.failNext('EWHATEVER');
    }).toThrow('not an error code');
  });

  it('can be the refusal of a whole transaction, once', async () => {
    const { fake, keys, add } = await fakeWithSet();
    fake.failNext('ENOMEM');
    await expect(add()).rejects.toMatchObject({ code: 'ENOMEM', culprits: [], stateUnknown: false });
    expect(await keys()).toEqual([]);
    await add();
    expect(await keys()).toHaveLength(3);
  });

  it('can be an answer that gets lost, of a transaction that was applied or not', async () => {
    for (const applied of [true, false]) {
      const { fake, keys, add } = await fakeWithSet();
      fake.loseNextAnswer({ applied });
      await expect(add()).rejects.toMatchObject({ code: 'ENOBUFS', stateUnknown: true });
      expect(await keys()).toHaveLength(applied ? 3 : 0);
    }
  });

  it('can be an older kernel', async () => {
    const none = { owner: false, persist: false, destroy: false };
    expect(await probeFeatures(new FakeNftables(none).open())).toEqual(none);
    expect(await probeFeatures(new FakeNftables({ persist: false }).open())).toEqual({
      owner: true,
      persist: false,
      destroy: true,
    });
  });

  it('is read from a listing of all there is', async () => {
    const { fake, add } = await fakeWithSet();
    await add();
    expect(String(fake)).toBe(
      ['table inet t {', '  set s {', '    type inet_service', '    1', '    2', '    3', '  }', '}', ''].join('\n'),
    );
  });
});
