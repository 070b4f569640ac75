import { addressBytes, formatIpv4, formatIpv6, protocolName, protocolNumber } from '../ip/index.ts';
import type { Family } from '../ip/index.ts';
import type { MessageWriter, Payload } from '../netlink/index.ts';
import { Attributes } from './attributes.ts';
import {
  conntrackAttribute,
  filterAttribute,
  filterFlag,
  ipAttribute,
  protocolAttribute,
  protocolInfoAttribute,
  statusBit,
  tcpInfoAttribute,
  tcpStates,
  tupleAttribute,
} from './constants.ts';

/** One direction of a connection, as seen on the wire. */
export interface ConntrackTuple {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** A tracked connection of a protocol that has ports. */
export interface ConntrackEntry {
  readonly family: Family;
  /** `tcp`, `udp`, `sctp`, or the number as text. */
  readonly protocol: string;
  /** As the client sent it. */
  readonly original: ConntrackTuple;
  /** As the answers come: `source` is the endpoint that a DNAT chose, `destination` what a SNAT made of the client. */
  readonly reply: ConntrackTuple;
  readonly status: {
    readonly seenReply: boolean;
    readonly assured: boolean;
    readonly snat: boolean;
    readonly dnat: boolean;
  };
  /** Of TCP: `ESTABLISHED`, ... as the conntrack tool prints it. */
  readonly tcpState?: string;
  readonly id: number;
  /** Until the entry goes if nothing more is seen. */
  readonly timeoutSeconds: number;
}

/** Which entries to keep. */
export interface ConntrackFilter {
  readonly family: Family;
  /** `tcp`, `udp`, `sctp`; all that have ports if left out. */
  readonly protocol?: string;
  /** Only connections whose destination was translated. */
  readonly dnat?: boolean;
  /** Only connections that were answered, or only those that were not. */
  readonly answered?: boolean;
}

/**
 * The entry in the attributes of a CT_NEW message; undefined if it has no ports or does not pass the filter.
 *
 * Nothing is made of an entry that does not pass: of hundreds of thousands hardly any are asked for. Those of a zone of
 * their own never pass. Zones belong to others (Open vSwitch, another CNI's namespaces within the host), and the same
 * tuple may be in several; ours is the one without a number.
 *
 * @throws MalformedMessageError for one without addresses, or with numbers that are cut off
 */
export function decodeEntry({ bytes, view, start, end }: Payload, filter: ConntrackFilter): ConntrackEntry | undefined {
  const attributes = new Attributes(bytes, view);
  const original = attributes.find(start, end, conntrackAttribute.original);
  const protocolPart = attributes.within(original, tupleAttribute.protocol);
  const protocol = attributes.u8(attributes.within(protocolPart, protocolAttribute.number));
  if (attributes.within(protocolPart, protocolAttribute.sourcePort) === -1) return undefined;
  if (filter.protocol !== undefined && numberOf(filter.protocol) !== protocol) return undefined;
  const status = attributes.u32(attributes.find(start, end, conntrackAttribute.status));
  const { bits, mask } = wantedStatus(filter);
  if ((status & mask) !== bits) return undefined;
  const reply = attributes.find(start, end, conntrackAttribute.reply);
  if (isInZone(attributes, start, end)) return undefined;
  const tcpState = tcpStateOf(attributes, start, end);
  return {
    family: filter.family,
    protocol: protocolName(protocol),
    original: decodeTuple(attributes, original, filter.family),
    reply: decodeTuple(attributes, reply, filter.family),
    status: {
      seenReply: (status & statusBit.seenReply) !== 0,
      assured: (status & statusBit.assured) !== 0,
      snat: (status & statusBit.snat) !== 0,
      dnat: (status & statusBit.dnat) !== 0,
    },
    ...(tcpState === undefined ? {} : { tcpState }),
    id: attributes.u32(attributes.find(start, end, conntrackAttribute.id)),
    timeoutSeconds: attributes.u32(attributes.find(start, end, conntrackAttribute.timeout)),
  };
}

/** The status bits that a filter asks for, among those in the mask. */
function wantedStatus({ dnat, answered }: ConntrackFilter): { bits: number; mask: number } {
  const translated = dnat === true ? statusBit.dnat : 0;
  const seenReply = answered === true ? statusBit.seenReply : 0;
  return { bits: translated | seenReply, mask: translated | (answered === undefined ? 0 : statusBit.seenReply) };
}

/** A zone is of the connection, or of the one direction that another one shares. */
function isInZone(attributes: Attributes, start: number, end: number): boolean {
  const zoneOf = (zone: number): boolean => attributes.u16(zone) !== 0;
  return (
    zoneOf(attributes.find(start, end, conntrackAttribute.zone)) ||
    [conntrackAttribute.original, conntrackAttribute.reply].some((direction) =>
      zoneOf(attributes.within(attributes.find(start, end, direction), tupleAttribute.zone)),
    )
  );
}

function tcpStateOf(attributes: Attributes, start: number, end: number): string | undefined {
  const info = attributes.find(start, end, conntrackAttribute.protocolInfo);
  const state = attributes.within(attributes.within(info, protocolInfoAttribute.tcp), tcpInfoAttribute.state);
  return state === -1 ? undefined : tcpStates[attributes.u8(state)];
}

function decodeTuple(attributes: Attributes, tuple: number, family: Family): ConntrackTuple {
  const ip = attributes.within(tuple, tupleAttribute.ip);
  const protocol = attributes.within(tuple, tupleAttribute.protocol);
  const address = (type: number): string => {
    const place = attributes.whole(attributes.within(ip, type), family === 4 ? 4 : 16);
    return family === 4 ? formatIpv4(attributes.bytes, place) : formatIpv6(attributes.bytes, place);
  };
  return {
    source: address(family === 4 ? ipAttribute.source4 : ipAttribute.source6),
    sourcePort: attributes.u16(attributes.within(protocol, protocolAttribute.sourcePort)),
    destination: address(family === 4 ? ipAttribute.destination4 : ipAttribute.destination6),
    destinationPort: attributes.u16(attributes.within(protocol, protocolAttribute.destinationPort)),
  };
}

/**
 * Writes what the kernel can filter by itself when it lists entries. It need not: by status it does from 5.15, by
 * protocol from 5.8, and older ones list everything; `decodeEntry` filters again.
 */
export function encodeFilter(writer: MessageWriter, filter: ConntrackFilter): void {
  const { bits, mask } = wantedStatus(filter);
  if (mask !== 0) {
    writer.number(conntrackAttribute.status, bits);
    writer.number(conntrackAttribute.statusMask, mask);
  }
  if (filter.protocol === undefined) return;
  const tuple = writer.beginNested(conntrackAttribute.original);
  const part = writer.beginNested(tupleAttribute.protocol);
  writer.byte(protocolAttribute.number, numberOf(filter.protocol));
  writer.endAttribute(part);
  writer.endAttribute(tuple);
  const asked = writer.beginNested(conntrackAttribute.filter);
  const flags = writer.beginAttribute(filterAttribute.originalFlags);
  writer.u32HostEndian(filterFlag.protocol);
  writer.endAttribute(flags);
  writer.endAttribute(asked);
}

/**
 * Writes what names one entry: original tuple and id. With the id a successor of the same tuple stays, unless
 * the kernel put it at the same place in memory, from which it makes the id.
 */
export function encodeEntryName(writer: MessageWriter, entry: ConntrackEntry): void {
  const tuple = writer.beginNested(conntrackAttribute.original);
  encodeTuple(writer, entry.original, entry.family, entry.protocol);
  writer.endAttribute(tuple);
  writer.number(conntrackAttribute.id, entry.id);
}

function encodeTuple(writer: MessageWriter, tuple: ConntrackTuple, family: Family, protocol: string): void {
  const ip = writer.beginNested(tupleAttribute.ip);
  const [source, destination] =
    family === 4 ? [ipAttribute.source4, ipAttribute.destination4] : [ipAttribute.source6, ipAttribute.destination6];
  writer.binary(source, addressBytes(tuple.source, family));
  writer.binary(destination, addressBytes(tuple.destination, family));
  writer.endAttribute(ip);
  const part = writer.beginNested(tupleAttribute.protocol);
  writer.byte(protocolAttribute.number, numberOf(protocol));
  writePort(writer, protocolAttribute.sourcePort, tuple.sourcePort);
  writePort(writer, protocolAttribute.destinationPort, tuple.destinationPort);
  writer.endAttribute(part);
}

function writePort(writer: MessageWriter, type: number, port: number): void {
  const attribute = writer.beginAttribute(type);
  writer.u16(port);
  writer.endAttribute(attribute);
}

function numberOf(protocol: string): number {
  const number = protocolNumber(protocol);
  if (number === undefined) throw new RangeError(`not an IP protocol: ${JSON.stringify(protocol)}`);
  return number;
}
