import { describe, expect, it } from 'vitest';
import { elementListAttribute, nftMessage } from './constants.ts';
import { batchMessageType, messages, netfilterAttributes, Payload, subsystem } from '../netlink/index.ts';
import type { SetDefinition } from './objects/index.ts';
import { goto, matchL4Protocols, nfproto } from './expressions/index.ts';
import { Transaction } from './transaction.ts';

const set: SetDefinition = { name: 'endpoints4', key: ['ipv4_addr', 'inet_service'], data: ['ipv4_addr'] };

function elements(count: number): { set: string; key: string; data: string }[] {
  return Array.from({ length: count }, (_, index) => ({
    set: set.name,
    key: `10.0.${index >> 8}.${index & 255} . 80`,
    data: '10.1.0.1',
  }));
}

/** Type, sequence number and length of each message. */
function framesOf(transaction: Transaction, generation?: number): [type: number, sequence: number, length: number][] {
  const bytes = transaction.batch.finish(generation);
  return [...messages(Payload.of(bytes))].map(({ type, sequence, payload }) => [type, sequence, payload.length + 16]);
}

describe('a transaction', () => {
  it('is one batch whose messages are numbered', () => {
    const transaction = new Transaction('t').addTable().addSet(set).addElements(set, elements(3));
    expect(framesOf(transaction).map(([type, sequence]) => [type, sequence])).toEqual([
      [batchMessageType.begin, 0],
      [(subsystem.nftables << 8) | nftMessage.newTable, 1],
      [(subsystem.nftables << 8) | nftMessage.newSet, 2],
      [(subsystem.nftables << 8) | nftMessage.newElements, 3],
      [batchMessageType.end, 4],
    ]);
    expect(transaction.operations).toBe(3);
    expect(transaction.elements).toBe(3);
  });

  it('may be added to and sent again after it was finished', () => {
    const once = new Transaction('t').addTable();
    once.batch.finish(7);
    once.batch.finish(undefined);
    once.addElements(set, elements(2)).addChain({ name: 'c' });
    const fresh = new Transaction('t').addTable().addElements(set, elements(2)).addChain({ name: 'c' });
    const types = (transaction: Transaction): number[] => framesOf(transaction).map(([type]) => type);
    expect(types(once)).toEqual(types(fresh));
    expect(framesOf(once, 7)[0]).toEqual([batchMessageType.begin, 0, 28]);
    expect(framesOf(once)[0]).toEqual([batchMessageType.begin, 0, 20]);
  });

  it('spreads many elements over messages that netlink can carry', () => {
    const transaction = new Transaction('t').addElements(set, elements(20_000));
    const frames = framesOf(transaction);
    expect(frames.length).toBeGreaterThan(10);
    for (const [, , length] of frames) expect(length).toBeLessThan(65_535);
    const count = [...messages(Payload.of(transaction.batch.finish(undefined)))]
      .map((message) => {
        const list = netfilterAttributes(message).get(elementListAttribute.elements);
        return list === undefined ? 0 : [...list.attributes()].length;
      })
      .reduce((sum, length) => sum + length, 0);
    expect(count).toBe(20_000);
    expect(transaction.elements).toBe(20_000);
  });

  it('stays as it was when a value does not fit', () => {
    const transaction = new Transaction('t').addTable().addElements(set, elements(2000));
    const before = Uint8Array.from(transaction.batch.finish(undefined));
    expect(() => transaction.addElements(set, [...elements(5000), { set: set.name, key: 'x', data: 'y' }])).toThrow();
    expect(() => transaction.addChain({ name: 'c', comment: 'x'.repeat(200) })).toThrow(RangeError);
    expect(() => transaction.addSet({ ...set, key: [] })).toThrow(RangeError);
    expect(transaction.elements).toBe(2000);
    expect(Uint8Array.from(transaction.batch.finish(undefined))).toEqual(before);
  });

  it('is the same when encoded in slices, and lets others run meanwhile', async () => {
    const many = elements(60_000);
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    const sliced = await new Transaction('t').addElementsInSlices(set, many);
    clearInterval(counting);
    expect(turns).toBeGreaterThan(0);
    const whole = new Transaction('t').addElements(set, many);
    expect(Buffer.from(sliced.batch.finish(undefined)).equals(Buffer.from(whole.batch.finish(undefined)))).toBe(true);
  });

  it('brings the anonymous sets of a rule along, before the rule', () => {
    const transaction = new Transaction('t').addRule({
      chain: 'c',
      statements: [nfproto(4), matchL4Protocols(['tcp', 'udp']), goto('d')],
    });
    expect(framesOf(transaction).map(([type]) => type & 0xff)).toEqual([
      batchMessageType.begin,
      nftMessage.newSet,
      nftMessage.newElements,
      nftMessage.newRule,
      batchMessageType.end,
    ]);
  });
});
