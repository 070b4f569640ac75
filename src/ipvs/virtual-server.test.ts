import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageWriter, Payload } from '../netlink/index.ts';
import { readDestination, readServer, writeDestination, writeName, writeServer } from './virtual-server.ts';

const bytes = (write: (writer: MessageWriter) => void): string => {
  const writer = new MessageWriter();
  write(writer);
  return Buffer.from(writer.bytes).toString('hex');
};

const read = (write: (writer: MessageWriter) => void): Payload => {
  const writer = new MessageWriter();
  write(writer);
  return Payload.of(writer.bytes);
};

const servers = fc.constantFrom(4 as const, 6 as const).chain((family) =>
  fc.record({
    family: fc.constant(family),
    protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
    address: fc.nat(255).map((last) => (family === 4 ? `169.254.77.${last}` : `fd00:77::${(last + 1).toString(16)}`)),
    port: fc.integer({ min: 1, max: 65_535 }),
    scheduler: fc.constantFrom('rr', 'wlc', 'lblcr'),
  }),
);

describe('a virtual server in netlink', () => {
  it('is named by family, protocol, address and port, of which the port alone is big-endian', () => {
    const name = { family: 4, protocol: 'tcp', address: '169.254.77.1', port: 0x1234 } as const;
    expect(
      bytes((writer) => {
        writeName(writer, name);
      }),
    ).toBe(
      // nested 1: 1 = AF_INET, 2 = IPPROTO_TCP, 3 = the address, 4 = the port
      '24000180' + '0600010002000000' + '0600020006000000' + '08000300a9fe4d01' + '0600040012340000',
    );
  });

  it('is read as it was written, but for one that stands for a firewall mark', () => {
    fc.assert(
      fc.property(servers, (server) => {
        expect(
          readServer(
            read((writer) => {
              writeServer(writer, server);
            }),
          ),
        ).toEqual(server);
      }),
    );
    const marked = read((writer) => {
      const nested = writer.beginNested(1);
      writer.hostNumber(5, 7);
      writer.endAttribute(nested);
    });
    expect(readServer(marked)).toBeUndefined();
  });

  it('has destinations, which are read as they were written, without connections', () => {
    fc.assert(
      fc.property(servers, fc.nat(65_535), ({ family, address, port }, weight) => {
        const destination = { address, port, weight };
        const payload = read((writer) => {
          writeDestination(writer, family, destination);
        });
        expect(readDestination(payload, family)).toEqual({ ...destination, active: 0, inactive: 0 });
      }),
    );
  });

  it('and a destination is named without what can change of it', () => {
    expect(
      bytes((writer) => {
        writeDestination(writer, 4, { address: '10.244.1.2', port: 80 });
      }),
    ).toBe(
      // nested 2: 11 = AF_INET, 1 = the address, 2 = the port
      '1c000280' + '06000b0002000000' + '080001000af40102' + '0600020000500000',
    );
  });
});
