import { deviceAttribute, flowtableAttribute, flowtableFlag, flowtableHookAttribute } from '../constants.ts';
import type { MessageWriter, Payload } from '../../netlink/index.ts';

/**
 * Where connections are that take the fast path: a packet of one that comes in on one of the devices is translated and
 * sent out at once, past all chains.
 */
export interface Flowtable {
  readonly name: string;
  /** Names of network interfaces. */
  readonly devices: readonly string[];
}

/** NF_NETDEV_INGRESS, linux/netfilter.h: the only hook that flowtables know. */
const ingress = 0;
/** `priority filter`. */
const priority = 0;

/** Writes the attributes of NEWFLOWTABLE. Packets of the fast path are counted in conntrack, where that counts at all. */
export function encodeFlowtable(writer: MessageWriter, table: string, flowtable: Flowtable): void {
  encodeFlowtableDevices(writer, table, flowtable);
  writer.number(flowtableAttribute.flags, flowtableFlag.counter);
}

/** Writes the attributes of DELFLOWTABLE for its devices alone. */
export function encodeFlowtableDevices(writer: MessageWriter, table: string, { name, devices }: Flowtable): void {
  writer.string(flowtableAttribute.table, table);
  writer.string(flowtableAttribute.name, name);
  const hook = writer.beginNested(flowtableAttribute.hook);
  writer.number(flowtableHookAttribute.number, ingress);
  writer.number(flowtableHookAttribute.priority, priority);
  if (devices.length > 0) {
    const list = writer.beginNested(flowtableHookAttribute.devices);
    for (const device of devices) writer.string(deviceAttribute.name, device);
    writer.endAttribute(list);
  }
  writer.endAttribute(hook);
}

/** The attributes of a NEWFLOWTABLE message. */
export function decodeFlowtable(attributes: Payload): Flowtable {
  const devices = attributes.get(flowtableAttribute.hook)?.get(flowtableHookAttribute.devices)?.attributes() ?? [];
  return {
    name: attributes.get(flowtableAttribute.name)?.string() ?? '',
    devices: [...devices].map(([, device]) => device.string()),
  };
}
