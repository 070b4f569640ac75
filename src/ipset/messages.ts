import { netfilterRequest, protocolFamily, subsystem } from '../netlink/index.ts';
import type { MessageWriter, NetlinkRequest, Payload } from '../netlink/index.ts';

/** Numbers by their names. Source: linux/netfilter/ipset/ip_set.h, kernel 6.18. */
const command = {
  destroy: 3, // IPSET_CMD_DESTROY
  list: 7, // IPSET_CMD_LIST
} as const;
const attribute = {
  protocol: 1, // IPSET_ATTR_PROTOCOL
  setName: 2, // IPSET_ATTR_SETNAME
  port: 4, // IPSET_ATTR_PORT
  flags: 6, // IPSET_ATTR_FLAGS
  data: 7, // IPSET_ATTR_DATA
  entries: 8, // IPSET_ATTR_ADT
} as const;
/** The oldest protocol that kernels still speak. */
const protocol = 6;
const IPSET_FLAG_LIST_SETNAME = 2;

/** Asks for the names of all sets, which {@link readNames} reads. */
export function namesRequest(): NetlinkRequest {
  return request('list the sets of ipset', command.list, (writer) => {
    writer.number(attribute.flags, IPSET_FLAG_LIST_SETNAME);
  });
}

/** Asks for a set, whose ports {@link readPorts} reads. */
export function portsRequest(name: string): NetlinkRequest {
  return request(`list the set ${name}`, command.list, named(name));
}

/** Has a set deleted. */
export function destroyRequest(name: string): NetlinkRequest {
  return request(`destroy the set ${name}`, command.destroy, named(name));
}

/** The name in a message about a set, if it has one. */
export function readNames(set: Payload): string[] {
  const name = set.get(attribute.setName)?.string();
  return name === undefined ? [] : [name];
}

/** The port numbers of the entries in a message about a set. */
export function readPorts(set: Payload): number[] {
  return [...(set.get(attribute.entries)?.attributes() ?? [])].flatMap(([type, entry]) => {
    const port = type === attribute.data ? entry.get(attribute.port)?.u16() : undefined;
    return port === undefined ? [] : [port];
  });
}

const named =
  (name: string) =>
  (writer: MessageWriter): void => {
    writer.string(attribute.setName, name);
  };

function request(description: string, message: number, write: (writer: MessageWriter) => void): NetlinkRequest {
  return netfilterRequest({
    description,
    subsystem: subsystem.ipset,
    message,
    family: protocolFamily.ipv4,
    attributes: (writer) => {
      writer.byte(attribute.protocol, protocol);
      write(writer);
    },
  });
}
