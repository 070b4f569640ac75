import { addressBytes, formatIpv4, formatIpv6, protocolName, protocolNumber } from '../ip/index.ts';
import type { Family } from '../ip/index.ts';
import { addressFamily } from '../netlink/index.ts';
import type { MessageWriter, Payload } from '../netlink/index.ts';
import { commandAttribute, destinationAttribute, masquerading, serviceAttribute } from './constants.ts';

/** What names a virtual server in a network namespace. */
export interface VirtualServerName {
  readonly family: Family;
  /** `tcp`, `udp` or `sctp`. */
  readonly protocol: string;
  /** Canonical. */
  readonly address: string;
  readonly port: number;
}

/** An address and port to which IPVS takes connections and sends each on to a destination that its scheduler picks. */
export interface VirtualServer extends VirtualServerName {
  /** The kernel's name of it: `wlc`. */
  readonly scheduler: string;
}

/** Where a virtual server sends connections. */
export interface Destination {
  readonly address: string;
  readonly port: number;
  /** Share of new connections, for schedulers that know weights. */
  readonly weight: number;
}

/** A destination with the connections that IPVS counts for it. */
export interface DestinationState extends Destination {
  /** Open ones. */
  readonly active: number;
  /** Those that are being closed, or of which nothing has been heard for long. */
  readonly inactive: number;
}

/** Netmasks of clients: all bits, as no client is told from another by less. IPv4 has a mask, IPv6 a length. */
const netmask = { 4: 0xffff_ffff, 6: 128 } as const;

/** Writes what names a virtual server. */
export function writeName(writer: MessageWriter, { family, protocol, address, port }: VirtualServerName): void {
  const nested = writer.beginNested(commandAttribute.service);
  writeNameAttributes(writer, { family, protocol, address, port });
  writer.endAttribute(nested);
}

/** Writes a whole virtual server. */
export function writeServer(writer: MessageWriter, server: VirtualServer): void {
  const nested = writer.beginNested(commandAttribute.service);
  writeNameAttributes(writer, server);
  writer.string(serviceAttribute.scheduler, server.scheduler);
  const flags = writer.beginAttribute(serviceAttribute.flags);
  // struct ip_vs_flags: none of them, of all.
  writer.u32HostEndian(0);
  writer.u32HostEndian(0xffff_ffff);
  writer.endAttribute(flags);
  writer.hostNumber(serviceAttribute.timeout, 0);
  writer.hostNumber(serviceAttribute.netmask, netmask[server.family]);
  writer.endAttribute(nested);
}

function writeNameAttributes(writer: MessageWriter, { family, protocol, address, port }: VirtualServerName): void {
  const number = protocolNumber(protocol);
  if (number === undefined) throw new RangeError(`${protocol} is no transport protocol`);
  writer.shortHostNumber(serviceAttribute.family, addressFamily[family]);
  writer.shortHostNumber(serviceAttribute.protocol, number);
  writer.binary(serviceAttribute.address, addressBytes(address, family));
  writer.short(serviceAttribute.port, port);
}

/** A virtual server out of the attributes of an answer; undefined for one that stands for a firewall mark. */
export function readServer(attributes: Payload): VirtualServer | undefined {
  const service = attributes.get(commandAttribute.service);
  const address = service?.get(serviceAttribute.address);
  const port = service?.get(serviceAttribute.port)?.u16();
  if (!service || !address || port === undefined) return undefined;
  const number = (type: number): number => service.get(type)?.u16HostEndian() ?? 0;
  const family = number(serviceAttribute.family) === addressFamily[6] ? 6 : 4;
  return {
    ...{ family, port },
    protocol: protocolName(number(serviceAttribute.protocol)),
    address: readAddress(address, family),
    scheduler: service.get(serviceAttribute.scheduler)?.string() ?? '',
  };
}

/** Writes a destination: whole, or what names it. */
export function writeDestination(
  writer: MessageWriter,
  family: Family,
  { address, port, weight }: Pick<Destination, 'address' | 'port'> & { readonly weight?: number },
): void {
  const nested = writer.beginNested(commandAttribute.destination);
  writer.shortHostNumber(destinationAttribute.family, addressFamily[family]);
  writer.binary(destinationAttribute.address, addressBytes(address, family));
  writer.short(destinationAttribute.port, port);
  if (weight !== undefined) {
    writer.hostNumber(destinationAttribute.forwarding, masquerading);
    writer.hostNumber(destinationAttribute.weight, weight);
    writer.hostNumber(destinationAttribute.upperThreshold, 0);
    writer.hostNumber(destinationAttribute.lowerThreshold, 0);
  }
  writer.endAttribute(nested);
}

/** A destination of a virtual server of this family out of the attributes of an answer; undefined if there is none. */
export function readDestination(attributes: Payload, family: Family): DestinationState | undefined {
  const destination = attributes.get(commandAttribute.destination);
  const address = destination?.get(destinationAttribute.address);
  const port = destination?.get(destinationAttribute.port)?.u16();
  if (!destination || !address || port === undefined) return undefined;
  const number = (type: number): number => destination.get(type)?.u32HostEndian() ?? 0;
  return {
    ...{ address: readAddress(address, family), port },
    weight: number(destinationAttribute.weight),
    active: number(destinationAttribute.active),
    inactive: number(destinationAttribute.inactive),
  };
}

/** Answers always have 16 bytes; those of IPv4 are the first four. Throws MalformedMessageError for fewer. */
function readAddress(payload: Payload, family: Family): string {
  payload.after(family === 4 ? 4 : 16);
  return family === 4 ? formatIpv4(payload.bytes, payload.start) : formatIpv6(payload.bytes, payload.start);
}
