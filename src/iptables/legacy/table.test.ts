import { describe, expect, it } from 'vitest';
import { entriesOf, MalformedTableError } from './table.ts';

/** An entry of IPv4 with a target of so many bytes of data, as long as it says. */
function entry({ length = 152, target = 112, room = 152 }): Uint8Array {
  const bytes = Buffer.alloc(Math.max(room, 112));
  bytes.writeUInt16LE(target, 88);
  bytes.writeUInt16LE(length, 90);
  return bytes;
}

const read = (entries: Uint8Array) =>
  entriesOf({ family: 4, name: 'nat', validHooks: 1, hookEntry: [0], underflow: [0], entries });

describe('a table of legacy iptables', () => {
  it('is read entry by entry', () => {
    expect(read(Buffer.concat([entry({}), entry({})]))).toMatchObject([{ offset: 0 }, { offset: 152, length: 152 }]);
  });

  it.each([
    ['an entry without a length', entry({ length: 0 })],
    ['an entry that is longer than the table', entry({ length: 160 })],
    ['half an entry', entry({ length: 60, room: 60, target: 0 }).subarray(0, 100)],
    ['a target in front of the entry', entry({ target: 0 })],
    ['a target behind the entry', entry({ target: 148 })],
  ])('with %s is malformed', (_what, entries) => {
    expect(() => read(entries)).toThrow(MalformedTableError);
  });
});
