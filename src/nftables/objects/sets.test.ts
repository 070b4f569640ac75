import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageWriter, Payload } from '../../netlink/index.ts';
import { setAttribute } from '../constants.ts';
import { encodeAnonymousSet } from './anonymous-sets.ts';
import type { FieldType } from './fields.ts';
import type { SetDefinition } from './set-definition.ts';
import { decodeSet, encodeSet } from './sets.ts';

const fields = fc.array(fc.constantFrom<FieldType>('ipv4_addr', 'ipv6_addr', 'inet_proto', 'inet_service', 'slot'), {
  minLength: 1,
  maxLength: 5,
});
const yes = fc.constant(true);

const definitions: fc.Arbitrary<SetDefinition> = fc.record(
  {
    name: fc.stringMatching(/^[a-z_]{1,20}[46]$/),
    key: fields,
    data: fc.oneof(fields, fc.constant('verdict' as const)),
    interval: yes,
    dynamic: yes,
    timeout: yes,
    counter: yes,
    size: fc.integer({ min: 1, max: 0xffff_ffff }),
    gcIntervalSeconds: fc.integer({ min: 1, max: 4_000_000 }),
    comment: fc.string({ maxLength: 127 }).filter((text) => !text.includes('\0')),
  },
  { requiredKeys: ['name', 'key'] },
);

function encode(set: SetDefinition): Payload {
  const writer = new MessageWriter();
  encodeSet(writer, 'nftproxy', set, 1);
  return Payload.of(writer.bytes);
}

describe('a set', () => {
  it('is read as it was defined', () => {
    fc.assert(
      fc.property(definitions, (set) => {
        expect(decodeSet(encode(set))).toEqual({ name: set.name, definition: set });
      }),
      { numRuns: 300 },
    );
  });

  it('of a type that is not known here has a name and no definition', () => {
    const writer = new MessageWriter();
    writer.string(setAttribute.name, 'marks');
    writer.number(setAttribute.keyType, 19);
    expect(decodeSet(Payload.of(writer.bytes))).toEqual({ name: 'marks', definition: undefined });
  });

  it('without a name of its own is not listed: it belongs to its rule', () => {
    const writer = new MessageWriter();
    encodeAnonymousSet(writer, 't', { name: '__set%d', id: 3 }, ['tcp', 'udp']);
    expect(decodeSet(Payload.of(writer.bytes))).toBeUndefined();
  });

  it('has a comment that nft can read, or none', () => {
    expect(() => encode({ name: 's', key: ['slot'], comment: 'x'.repeat(128) })).toThrow('at most 127 bytes');
  });
});
