import { describe, expect, it } from 'vitest';
import { MessageWriter, Payload, protocolFamily, writeNetfilterHeader } from '../../netlink/index.ts';
import { tableAttribute } from '../constants.ts';
import { decodeChain, encodeChain } from './chains.ts';
import type { ChainDefinition } from './chains.ts';
import { decodeTable, encodeTable } from './tables.ts';

function listed(family: number, attributes: (writer: MessageWriter) => void) {
  const writer = new MessageWriter();
  writeNetfilterHeader(writer, family);
  attributes(writer);
  return decodeTable({ type: 0, flags: 0, sequence: 0, payload: Payload.of(writer.bytes) });
}

describe('a table', () => {
  it('is read as it was added', () => {
    const table = listed(protocolFamily.inet, (writer) => {
      encodeTable(writer, 't', { owner: true, persist: true, comment: 'ours' });
    });
    const flags = { dormant: false, owner: true, persist: true };
    expect(table).toEqual({ name: 't', family: 'inet', flags, comment: 'ours' });
  });

  it('tells who owns it, if anybody does', () => {
    const owned = (portId: number) =>
      listed(protocolFamily.ipv6, (writer) => {
        encodeTable(writer, 't', {});
        writer.number(tableAttribute.owner, portId);
      });
    expect(owned(4711)).toMatchObject({ family: 'ip6', ownerPortId: 4711 });
    expect(owned(0)).not.toHaveProperty('ownerPortId');
  });
});

describe('a chain', () => {
  it.each<ChainDefinition>([
    { name: 'plain' },
    { name: 'late', comment: 'why', base: { type: 'nat', hook: 'postrouting', priority: 100 } },
    { name: 'early', base: { type: 'filter', hook: 'output', priority: -300 } },
  ])('is read as it was added: %j', (chain) => {
    const writer = new MessageWriter();
    encodeChain(writer, 't', chain);
    expect(decodeChain(Payload.of(writer.bytes))).toEqual({ ...chain, handle: 0, uses: 0 });
  });
});
