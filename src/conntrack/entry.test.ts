import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedMessageError, MessageWriter, Payload } from '../netlink/index.ts';
import { conntrackAttribute, statusBit, tupleAttribute } from './constants.ts';
import { decodeEntry, encodeEntryName } from './entry.ts';
import type { ConntrackEntry } from './entry.ts';

const port = fc.nat(0xffff);
const addresses = {
  4: fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `10.96.${a}.${b}`),
  6: fc.integer({ min: 1, max: 0xffff }).map((group) => `fd00:96::${group.toString(16)}`),
} as const;

const entries = fc.constantFrom(4 as const, 6 as const).chain((family) =>
  fc.record({
    family: fc.constant(family),
    protocol: fc.constantFrom('tcp', 'udp', 'sctp', '33'),
    original: fc.record({
      source: addresses[family],
      sourcePort: port,
      destination: addresses[family],
      destinationPort: port,
    }),
    id: fc.nat(0xffff_ffff),
  }),
);

type Name = typeof entries extends fc.Arbitrary<infer T> ? T : never;

/** The attributes that name an entry, with a status and the other direction as the kernel would add them. */
function attributesOf(name: Name, status: number, zones: { own?: number; direction?: number } = {}): Payload {
  const entry: ConntrackEntry = {
    ...name,
    reply: name.original,
    status: { seenReply: false, assured: false, snat: false, dnat: false },
    timeoutSeconds: 0,
  };
  const writer = new MessageWriter();
  encodeEntryName(writer, entry);
  const tuple = Payload.of(writer.bytes).get(conntrackAttribute.original)?.copy() ?? new Uint8Array();
  const reply = writer.beginNested(conntrackAttribute.reply);
  writer.raw(tuple);
  if (zones.direction !== undefined) writer.short(tupleAttribute.zone, zones.direction);
  writer.endAttribute(reply);
  writer.number(conntrackAttribute.status, status);
  if (zones.own !== undefined) writer.short(conntrackAttribute.zone, zones.own);
  return Payload.of(writer.bytes);
}

const anyName: Name = {
  family: 4,
  protocol: 'tcp',
  original: { source: '10.0.0.1', sourcePort: 1, destination: '10.0.0.2', destinationPort: 2 },
  id: 1,
};

describe('a connection', () => {
  it('is named by the tuple and id that were read of it', () => {
    fc.assert(
      fc.property(entries, (name) => {
        const { family, protocol, original, id } = name;
        const entry = decodeEntry(attributesOf(name, statusBit.dnat), { family });
        expect(entry).toMatchObject({ family, protocol, original, id, status: { dnat: true, snat: false } });
      }),
    );
  });

  it('is left out when it is of another protocol or not translated', () => {
    fc.assert(
      fc.property(entries, (name) => {
        const { family, protocol } = name;
        const other = protocol === 'udp' ? 'tcp' : 'udp';
        const untranslated = attributesOf(name, statusBit.seenReply);
        expect(decodeEntry(untranslated, { family, protocol })).toBeDefined();
        expect(decodeEntry(untranslated, { family, protocol: other })).toBeUndefined();
        expect(decodeEntry(untranslated, { family, dnat: true })).toBeUndefined();
      }),
    );
  });

  it('is left out when it was answered, or was not, as asked', () => {
    fc.assert(
      fc.property(entries, fc.boolean(), fc.boolean(), (name, answered, asked) => {
        const { family } = name;
        const attributes = attributesOf(name, answered ? statusBit.seenReply : 0);
        expect(decodeEntry(attributes, { family, answered: asked }) !== undefined).toBe(answered === asked);
      }),
    );
  });

  it.each(['of its own', 'of one direction'])('in a zone %s is somebody else’s', (whose) => {
    fc.assert(
      fc.property(entries, fc.nat(0xffff), (name, zone) => {
        const zones = whose === 'of its own' ? { own: zone } : { direction: zone };
        const attributes = attributesOf(name, statusBit.dnat, zones);
        expect(decodeEntry(attributes, { family: name.family }) !== undefined).toBe(zone === 0);
      }),
    );
  });

  it('is asked for by a protocol that there is', () => {
    expect(() => decodeEntry(attributesOf(anyName, 0), { family: 4, protocol: 'quic' })).toThrow('not an IP protocol');
  });

  it('that has no ports, or is no connection at all, is passed over', () => {
    expect(decodeEntry(Payload.of(new Uint8Array()), { family: 4 })).toBeUndefined();
  });
});

describe('a connection that is cut off', () => {
  const whole = attributesOf(anyName, statusBit.dnat).copy();

  it('without the addresses of its answers is malformed, and no connection to "undefined"', () => {
    const writer = new MessageWriter();
    writer.raw(whole);
    const payload = Payload.of(writer.bytes.slice(0, Payload.of(whole).get(conntrackAttribute.reply)?.start));
    expect(() => decodeEntry(payload, { family: 4 })).toThrow(MalformedMessageError);
  });

  it('anywhere is malformed, or passed over, or has its addresses', () => {
    for (let length = 0; length < whole.length; length++) {
      try {
        expect(decodeEntry(Payload.of(whole.slice(0, length)), { family: 4 })?.reply.source ?? '10.0.0.1').toBe(
          '10.0.0.1',
        );
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessageError);
      }
    }
  });

  it('by a length that points behind its end is not read there', () => {
    const bytes = whole.slice();
    const reply = Payload.of(bytes).get(conntrackAttribute.reply);
    new DataView(bytes.buffer).setUint16((reply?.start ?? 4) - 4, 0xffff, true);
    expect(() => decodeEntry(Payload.of(bytes), { family: 4 })).toThrow(MalformedMessageError);
  });
});

describe('the addresses of a connection', () => {
  const named = (family: 4 | 6, text: string): Name => {
    const original = { source: text, sourcePort: 40000, destination: text, destinationPort: 80 };
    return { family, protocol: 'tcp', original, id: 1 };
  };

  it.each([
    [4, '10.0.0.1', '10.0.0.1'],
    [4, '::ffff:1.2.3.4', '1.2.3.4'],
    [6, 'fd00::1', 'fd00::1'],
    [6, '::5:6', '::5:6'],
    [6, '::0.5.0.6', '::5:6'],
    [6, '::ffff:1.2.3.4', '1.2.3.4'],
    [6, '1.2.3.4', '1.2.3.4'],
  ] as const)('of IPv%s, %s, are read back from the kernel’s bytes as %s', (family, written, text) => {
    const { original } = decodeEntry(attributesOf(named(family, written), 0), { family }) ?? {};
    expect(original).toEqual(named(family, text).original);
  });

  it('are refused with a reason', () => {
    expect(() => attributesOf(named(4, 'fd00::1'), 0)).toThrow('"fd00::1" is not an IPv4 address');
    expect(() => attributesOf(named(6, 'fe80::1%eth0'), 0)).toThrow('a zone (what follows "%")');
  });
});
