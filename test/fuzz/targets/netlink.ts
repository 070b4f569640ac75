import { decodeEntry, encodeEntryName } from '../../../src/conntrack/testing/index.ts';
import { canonicalAddress } from '../../../src/ip/index.ts';
import { destroyRequest, portsRequest, readNames, readPorts } from '../../../src/ipset/testing/index.ts';
import { readDestination, readServer, writeDestination, writeServer } from '../../../src/ipvs/testing/index.ts';
import {
  acknowledgementOf,
  genericAttributes,
  genericFamily,
  interfaceAddresses,
  interfaceNumber,
  MalformedMessageError,
  messages,
  MessageWriter,
  netfilterAttributes,
  netfilterMessageType,
  NetlinkError,
  Payload,
  subsystem,
  writeNetfilterHeader,
} from '../../../src/netlink/index.ts';
import type { NetlinkTransport } from '../../../src/netlink/index.ts';
import type { Target } from '../engine/target.ts';
import { check, promised } from './promised.ts';

/** One message with its header; `write` writes what follows. */
export function message(type: number, write: (writer: MessageWriter) => void, flags = 0): Uint8Array {
  const writer = new MessageWriter(64);
  const start = writer.beginMessage(type, flags, 1);
  write(writer);
  writer.endMessage(start);
  return Uint8Array.from(writer.bytes);
}

/** Reads every message of a datagram; malformed ones may say so. */
export function eachMessage(
  input: Uint8Array,
  read: (message: Parameters<typeof netfilterAttributes>[0]) => void,
): void {
  for (const each of messages(Payload.of(input))) promised([MalformedMessageError], () => read(each));
}

function isAddress(text: string): boolean {
  return canonicalAddress(text) === text;
}

const tcp4 = { source: '10.0.0.1', sourcePort: 40000, destination: '10.96.0.1', destinationPort: 80 };
const udp6 = { source: 'fd00::1', sourcePort: 40000, destination: 'fd00:10::1', destinationPort: 53 };
const status = { seenReply: true, assured: true, snat: false, dnat: true };

const connection = (family: 4 | 6): Uint8Array =>
  message(netfilterMessageType(subsystem.conntrack, 0), (writer) => {
    writeNetfilterHeader(writer, family === 4 ? 2 : 10);
    const tuple = family === 4 ? tcp4 : udp6;
    encodeEntryName(writer, {
      ...{ family, protocol: family === 4 ? 'tcp' : 'udp', original: tuple, reply: tuple, status },
      ...{ id: 77, timeoutSeconds: 300 },
    });
    // CTA_STATUS, CTA_TIMEOUT, CTA_ZONE, CTA_PROTOINFO with CTA_PROTOINFO_TCP and its state
    writer.number(3, 0x2e);
    writer.number(7, 300);
    writer.short(18, 0);
    const info = writer.beginNested(4);
    const tcp = writer.beginNested(1);
    writer.byte(1, 3);
    writer.endAttribute(tcp);
    writer.endAttribute(info);
    // CTA_TUPLE_REPLY with CTA_TUPLE_IP and CTA_TUPLE_PROTO
    const reply = writer.beginNested(2);
    const ip = writer.beginNested(1);
    for (const type of family === 4 ? [1, 2] : [3, 4]) writer.binary(type, new Uint8Array(family === 4 ? 4 : 16));
    writer.endAttribute(ip);
    const protocol = writer.beginNested(2);
    writer.byte(1, 6);
    writer.short(2, 80);
    writer.short(3, 40000);
    writer.endAttribute(protocol);
    writer.endAttribute(reply);
  });

export const genericHeader = (writer: MessageWriter): void => {
  for (const byte of [1, 1, 0, 0]) writer.u8(byte);
};

const virtualServer = { family: 4, protocol: 'tcp', address: '10.96.0.1', port: 80, scheduler: 'wlc' } as const;

/** A set of ipset with two entries. */
const aSet = message(netfilterMessageType(subsystem.ipset, 7), (writer) => {
  writeNetfilterHeader(writer, 2);
  // IPSET_ATTR_PROTOCOL, IPSET_ATTR_SETNAME, IPSET_ATTR_ADT with IPSET_ATTR_DATA with IPSET_ATTR_PORT
  writer.byte(1, 6);
  writer.string(2, 'KUBE-NODE-PORT-TCP');
  const entries = writer.beginNested(8);
  for (const port of [30080, 30081]) {
    const entry = writer.beginNested(7);
    writer.short(4, port);
    writer.endAttribute(entry);
  }
  writer.endAttribute(entries);
});

/** What the kernel takes for one; others are never asked for, as they are none of kube-proxy's. */
const isNameOfSet = (name: string): boolean => /^[!-~]{1,31}$/.test(name);

/** A kernel that answers every request with these bytes. */
function answering(input: Uint8Array): NetlinkTransport {
  const answers = [input];
  return {
    portId: 1,
    send: () => undefined,
    answers: () => messages(Payload.of(input)),
    // Whoever asks for more than there is has come to the end.
    answersOfOneDatagram: () => answers.splice(0, 1).flatMap((datagram) => [...messages(Payload.of(datagram))]),
    drain: () => undefined,
    close: () => undefined,
  };
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
const done = message(3, (writer) => writer.zeros(4));

export const netlinkTargets: readonly Target[] = [
  {
    name: 'netlink.acknowledgements',
    promise: 'an answer of the kernel is an acknowledgement, another message, or MalformedMessageError',
    kind: 'bytes',
    seeds: [
      message(2, (writer) => {
        writer.u32HostEndian(0);
        writer.zeros(16);
      }),
      message(
        2,
        (writer) => {
          writer.u32HostEndian(-17);
          for (const word of [20, 0, 1, 0]) writer.u32HostEndian(word);
          writer.string(1, 'File exists');
          writer.hostNumber(2, 20);
        },
        0x300,
      ),
    ],
    run: (input) =>
      eachMessage(input, (each) => {
        const acknowledgement = acknowledgementOf(each);
        check(acknowledgement === undefined || Number.isInteger(acknowledgement.errno), 'errno is an integer');
      }),
  },
  {
    name: 'netlink.conntrack',
    promise: 'a connection has addresses, ports and a state; else there is none, or MalformedMessageError',
    kind: 'bytes',
    seeds: [connection(4), connection(6)],
    run: (input) => {
      for (const family of [4, 6] as const) {
        eachMessage(input, (each) => {
          const entry = decodeEntry(netfilterAttributes(each), { family });
          for (const tuple of entry ? [entry.original, entry.reply] : []) {
            check(isAddress(tuple.source) && isAddress(tuple.destination), 'addresses are canonical');
          }
        });
      }
    },
  },
  {
    name: 'netlink.ipvs',
    promise: 'a virtual server or destination has a canonical address; what is read can be written and read again',
    kind: 'bytes',
    seeds: [
      message(0x20, (writer) => {
        genericHeader(writer);
        writeServer(writer, virtualServer);
      }),
      message(0x20, (writer) => {
        genericHeader(writer);
        writeDestination(writer, 4, { address: '10.1.0.1', port: 8080, weight: 1 });
      }),
      message(0x20, (writer) => {
        genericHeader(writer);
        writeServer(writer, { ...virtualServer, family: 6, address: 'fd00::1' });
      }),
    ],
    run: (input) =>
      eachMessage(input, (each) => {
        const attributes = genericAttributes(each);
        const server = readServer(attributes);
        check(server === undefined || isAddress(server.address), 'the address of a virtual server is canonical');
        for (const family of [4, 6] as const) {
          const destination = readDestination(attributes, family);
          check(
            destination === undefined || isAddress(destination.address),
            'the address of a destination is canonical',
          );
        }
      }),
  },
  {
    name: 'netlink.ipset',
    promise:
      'sets have names, and ports that are ports; a name that was read is asked for as it is; or MalformedMessageError',
    kind: 'bytes',
    seeds: [aSet],
    run: (input) =>
      eachMessage(input, (each) => {
        const set = netfilterAttributes(each);
        check(
          readPorts(set).every((port) => port >= 0 && port < 65_536),
          'a port has 16 bits',
        );
        for (const name of readNames(set).filter(isNameOfSet)) {
          for (const request of [portsRequest(name), destroyRequest(name)]) {
            const [asked] = messages(Payload.of(message(request.type, request.body)));
            check(
              asked !== undefined && readNames(netfilterAttributes(asked)).join() === name,
              `${name} is what it says`,
            );
          }
        }
      }),
  },
  {
    name: 'netlink.answers',
    promise: 'interfaces, their addresses, and families of generic netlink are read, or NetlinkError',
    kind: 'bytes',
    seeds: [
      joined(
        message(20, (writer) => {
          for (const byte of [2, 24, 0, 0]) writer.u8(byte);
          writer.u32HostEndian(7);
          // IFA_ADDRESS
          writer.binary(1, Uint8Array.of(192, 0, 2, 1));
        }),
        done,
      ),
      joined(
        message(0x10, (writer) => {
          genericHeader(writer);
          // CTRL_ATTR_FAMILY_ID
          writer.shortHostNumber(1, 0x20);
        }),
        message(2, (writer) => {
          writer.zeros(20);
        }),
      ),
    ],
    run: async (input) => {
      promised([NetlinkError], () => genericFamily(answering(input), 'IPVS', 1));
      promised([NetlinkError], () => interfaceNumber(answering(input), 'eth0'));
      const failed = (error: unknown): [] => {
        if (error instanceof NetlinkError) return [];
        throw error;
      };
      for (const { address } of await interfaceAddresses(answering(input)).catch(failed)) {
        check(isAddress(address), 'the address of an interface is canonical');
      }
    },
  },
];
