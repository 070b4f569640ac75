import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributeFlag } from './constants.ts';
import { messages, Payload } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

type Attribute = { type: number; bytes: Uint8Array } | { type: number; nested: Attribute[] };

const type = fc.integer({ min: 1, max: 0x3fff });
const { attributes } = fc.letrec<{ attribute: Attribute; attributes: Attribute[] }>((tie) => ({
  attributes: fc.array(tie('attribute'), { maxLength: 4 }),
  attribute: fc.oneof(
    { depthSize: 'small' },
    fc.record({ type, bytes: fc.uint8Array({ maxLength: 20 }) }),
    fc.record({ type, nested: tie('attributes') }),
  ),
}));

function write(writer: MessageWriter, list: readonly Attribute[]): void {
  for (const attribute of list) {
    if ('bytes' in attribute) {
      writer.binary(attribute.type, attribute.bytes);
      continue;
    }
    const start = writer.beginNested(attribute.type);
    write(writer, attribute.nested);
    writer.endAttribute(start);
  }
}

function check(payload: Payload, list: readonly Attribute[]): void {
  const found = [...payload.attributes()];
  expect(found.map(([number]) => number)).toEqual(list.map((attribute) => attribute.type));
  found.forEach(([number, content], index) => {
    const attribute = list[index];
    if (attribute === undefined) throw new Error('more attributes than were written');
    if ('bytes' in attribute) expect(content.copy()).toEqual(attribute.bytes);
    else check(content, attribute.nested);
    const first = list.find((each) => each.type === number);
    if (first === attribute) expect(payload.get(number)?.copy()).toEqual(content.copy());
  });
}

describe('messages', () => {
  it('are read as they were written, whatever their attributes hold', () => {
    const message = fc.record({ type: fc.nat(0xffff), flags: fc.nat(0xffff), sequence: fc.nat(), attributes });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), (list) => {
        // A small buffer, so that it grows in the middle of things.
        const writer = new MessageWriter(8);
        for (const each of list) {
          const start = writer.beginMessage(each.type, each.flags, each.sequence);
          write(writer, each.attributes);
          writer.endMessage(start);
        }
        const found = [...messages(Payload.of(writer.bytes))];
        expect(found.map(({ type: number, flags, sequence }) => ({ type: number, flags, sequence }))).toEqual(
          list.map(({ type: number, flags, sequence }) => ({ type: number, flags, sequence })),
        );
        found.forEach(({ payload }, index) => {
          check(payload, list[index]?.attributes ?? []);
        });
      }),
    );
  });

  it('keep numbers and texts', () => {
    const writer = new MessageWriter();
    writer.number(1, 0xfedc_ba98);
    writer.byte(2, 0xff);
    writer.bigNumber(3, 2 ** 53 - 1);
    writer.string(4, 'größer');
    const payload = Payload.of(writer.bytes);
    expect(payload.get(1)?.u32()).toBe(0xfedc_ba98);
    expect(payload.get(1)?.i32()).toBe(0xfedc_ba98 | 0);
    expect(payload.get(2)?.u8()).toBe(0xff);
    expect(payload.get(3)?.u64()).toBe(2 ** 53 - 1);
    expect(payload.get(4)?.string()).toBe('größer');
    expect(payload.get(5)).toBeUndefined();
  });

  it('have room for a header of the protocol, padded to four bytes', () => {
    const writer = new MessageWriter();
    writer.raw(Uint8Array.of(1, 2, 3));
    writer.zeros(1);
    writer.string(7, 'after');
    expect(Payload.of(writer.bytes).after(3).get(7)?.string()).toBe('after');
  });

  it('refuse an attribute that is longer than its length can say', () => {
    const writer = new MessageWriter();
    expect(() => {
      writer.binary(1, new Uint8Array(0x10000));
    }).toThrow(RangeError);
  });
});

describe('bytes that are no messages', () => {
  it('are read up to where they go wrong, and never past their end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const { payload } of messages(Payload.of(bytes))) {
          expect(payload.end).toBeLessThanOrEqual(bytes.length);
          for (const [number, content] of payload.attributes()) {
            expect(content.end).toBeLessThanOrEqual(payload.end);
            expect(number & (attributeFlag.nested | attributeFlag.networkByteOrder)).toBe(0);
          }
        }
      }),
    );
  });
});
