import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SyntaxFault } from '../address.ts';
import { formatFields, keyLength, typeNumber, typesOfNumber, writeFields } from './fields.ts';
import type { FieldType } from './fields.ts';
import { MessageWriter } from '../../netlink/index.ts';
import { keysOf } from '../testing/index.ts';

const anyType = fc.constantFrom<FieldType>('ipv4_addr', 'ipv6_addr', 'inet_proto', 'inet_service', 'slot');
const anyTypes = fc.array(anyType, { minLength: 1, maxLength: 5 });

function encode(types: readonly FieldType[], text: string): Uint8Array {
  const writer = new MessageWriter();
  writeFields(writer, types, text);
  return writer.bytes;
}

function decode(types: readonly FieldType[], bytes: Uint8Array): string {
  return formatFields(types, bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
}

describe('fields of keys and data', () => {
  it('reads back every key that it writes, whatever the types', () => {
    const typesAndText = anyTypes.chain((types) => keysOf(types).map((text) => ({ types, text })));
    fc.assert(
      fc.property(typesAndText, ({ types, text }) => {
        const bytes = encode(types, text);
        expect(bytes.length).toBe(keyLength(types));
        expect(decode(types, bytes)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('pads the fields of a concatenation with zeros, because pad bytes are part of the key', () => {
    const bytes = encode(['ipv4_addr', 'inet_proto', 'inet_service'], '10.96.0.1 . tcp . 80');
    expect([...bytes]).toEqual([10, 96, 0, 1, 6, 0, 0, 0, 0, 80, 0, 0]);
  });

  it('does not pad a key of one field', () => {
    expect([...encode(['inet_service'], '443')]).toEqual([1, 187]);
  });

  it('numbers types as nft does, and knows its own numbers again', () => {
    expect(typeNumber(['ipv4_addr', 'inet_proto', 'inet_service', 'slot'])).toBe(0x001cc344);
    expect(typeNumber(['ipv4_addr', 'inet_proto', 'inet_service', 'ipv4_addr', 'inet_service'])).toBe(0x0730d1cd);
    fc.assert(
      fc.property(anyTypes, (types) => {
        expect(typesOfNumber(typeNumber(types))).toEqual(types);
      }),
    );
    expect(typesOfNumber(19)).toBeUndefined();
  });

  it('refuses a sixth field, for which nft has no bits', () => {
    expect(() => typeNumber(Array<FieldType>(6).fill('inet_proto'))).toThrow(RangeError);
  });

  it('takes protocols by name or number', () => {
    expect([...encode(['inet_proto'], 'sctp')]).toEqual([132]);
    expect([...encode(['inet_proto'], '1')]).toEqual([1]);
    expect(decode(['inet_proto'], Uint8Array.of(1))).toBe('1');
  });

  it('refuses what does not fit the types', () => {
    const types: FieldType[] = ['ipv4_addr', 'inet_proto', 'inet_service'];
    for (const text of [
      '',
      '10.96.0.1',
      '10.96.0.1 . tcp',
      '10.96.0.1 . tcp . 65536',
      '10.96.0.1 . tcp . ',
      '10.96.0.1 . tcp . 80 . 1',
      '10.96.0.1 . nonsense . 80',
      '10.96.0.1 . 256 . 80',
      'fd00::1 . tcp . 80',
    ]) {
      expect(() => encode(types, text), text).toThrow(SyntaxFault);
    }
  });
});
