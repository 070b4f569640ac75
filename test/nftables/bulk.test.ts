import { describe, expect, it } from 'vitest';
import { Transaction } from '../../src/nftables/index.ts';
import type { Element, SetDefinition } from '../../src/nftables/index.ts';
import { host, openSocket } from './host.ts';

const set: SetDefinition = {
  name: 'endpoints6',
  key: ['ipv6_addr', 'inet_proto', 'inet_service', 'slot'],
  data: ['ipv6_addr', 'inet_service'],
};

function elements(count: number): Element[] {
  return Array.from({ length: count }, (_, index) => {
    // From 1: `fd00::0` would not be how nft prints it. Up to ffff fits one group.
    const service = ((index >> 2) + 1).toString(16);
    return { set: set.name, key: `fd00::${service} . tcp . 80 . ${index & 3}`, data: `fd01::${service} . 8080` };
  });
}

/** Canonical addresses make equal elements equal texts; the order is the kernel's. */
function sorted(list: readonly Element[]): string[] {
  return list.map(({ key, data }) => `${key} : ${data ?? ''}`).sort();
}

describe('many elements', () => {
  it('are written in one batch while the event loop stays free, and all read back', { timeout: 120_000 }, async () => {
    const { socket } = await host('bulk');
    await socket.commit(new Transaction('t').addTable().addSet(set));
    const many = elements(50_000);
    const transaction = await new Transaction('t').addElementsInSlices(set, many);
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    const commit = await socket.commit(transaction);
    running = false;
    expect(commit.elements).toBe(50_000);
    // A system call on this thread would have left none.
    expect(turns).toBeGreaterThan(1);
    expect(sorted(await socket.elements('t', set))).toEqual(sorted(many));
  });

  it('are asked for by key: those that are there and those that are not', { timeout: 60_000 }, async () => {
    const { socket } = await host('by-key');
    const present = elements(2000);
    await socket.commit(new Transaction('t').addTable().addSet(set).addElements(set, present));
    const asked = present.flatMap((element, index) =>
      index % 3 === 0 ? [element, { key: `fd99::1 . tcp . 80 . ${index}` }] : [element],
    );
    const found = await socket.elementsByKey('t', set, asked);
    expect(found).toEqual(asked.map((element) => ('data' in element ? element : undefined)));
    await expect(socket.elementsByKey('t', { ...set, name: 'nonesuch' }, asked)).rejects.toThrow('ENOENT');
    await expect(socket.elementsByKey('nonesuch', set, asked)).rejects.toThrow('ENOENT');
    expect(await socket.elementsByKey('t', set, [])).toEqual([]);
  });

  it('are read whole although others commit meanwhile', { timeout: 120_000 }, async () => {
    const { namespace, socket } = await host('interrupted');
    const writer = openSocket(namespace);
    const present = elements(8000);
    const own: SetDefinition = { name: 'other', key: ['inet_service'] };
    await socket.commit(new Transaction('t').addTable().addSet(set).addSet(own).addElements(set, present));
    const reading = socket.elements('t', set);
    for (let port = 1; port <= 3; port++) {
      await writer.commit(new Transaction('t').addElements(own, [{ set: 'other', key: String(port) }]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sorted(await reading)).toEqual(sorted(present));
  });

  it('and small commits of several callers do not mix up their answers', { timeout: 60_000 }, async () => {
    const { socket } = await host('mixed');
    await socket.commit(new Transaction('t').addTable().addSet(set));
    const big = socket.commit(new Transaction('t').addElements(set, elements(20_000)));
    const missing = socket.commit(new Transaction('t').deleteElements(set, [{ key: 'fd99::1 . tcp . 80 . 0' }]));
    const last = elements(20_004).slice(20_000);
    const small = socket.commit(new Transaction('t').addElements(set, last));
    const read = socket.elementsByKey('t', set, last);
    const settled = await Promise.allSettled([big, missing, small, read]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(await big).toMatchObject({ elements: 20_000 });
    expect(await read).toEqual(last);
  });
});
