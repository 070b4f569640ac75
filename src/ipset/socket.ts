import {
  ask,
  dump,
  netfilterAttributes,
  netfilterRequest,
  NetlinkError,
  NetlinkSocket,
  protocolFamily,
  subsystem,
} from '../netlink/index.ts';
import type { MessageWriter, Payload, SocketOptions } from '../netlink/index.ts';

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

/**
 * The sets of `ipset` in a network namespace: of the older kind, which rules of iptables name. Methods reject with
 * NetlinkError.
 */
export class IpSets {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Opens a socket, in the given network namespace if any (that needs CAP_SYS_ADMIN). Throws NetlinkError. */
  static open(options: SocketOptions = {}): IpSets {
    return new IpSets(NetlinkSocket.open('netfilter', options));
  }

  /** The names of all sets; none where the kernel has no such sets, which it may load a module for. */
  async names(): Promise<string[]> {
    const flags = (writer: MessageWriter): void => {
      writer.number(attribute.flags, IPSET_FLAG_LIST_SETNAME);
    };
    try {
      return await this.#list('list the sets of ipset', flags, (set) => {
        const name = set.get(attribute.setName)?.string();
        return name === undefined ? [] : [name];
      });
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'EINVAL') return [];
      throw error;
    }
  }

  /** The port numbers that are in a set. */
  ports(name: string): Promise<number[]> {
    const named = (writer: MessageWriter): void => {
      writer.string(attribute.setName, name);
    };
    return this.#list(`list the set ${name}`, named, (set) =>
      [...(set.get(attribute.entries)?.attributes() ?? [])].flatMap(([type, entry]) => {
        const port = type === attribute.data ? entry.get(attribute.port)?.u16() : undefined;
        return port === undefined ? [] : [port];
      }),
    );
  }

  /** Deletes a set. Throws NetlinkError; for one that a rule names, too. */
  destroy(name: string): void {
    const request = this.#request(`destroy the set ${name}`, command.destroy, (writer) => {
      writer.string(attribute.setName, name);
    });
    ask(this.#socket, request, () => undefined);
  }

  /** Closes the socket; the sets stay. */
  close(): void {
    this.#socket.close();
  }

  #list<Item>(
    description: string,
    write: (writer: MessageWriter) => void,
    read: (set: Payload) => Item[],
  ): Promise<Item[]> {
    return dump(this.#socket, this.#request(description, command.list, write), () => {
      const items: Item[] = [];
      return {
        use: (message) => {
          items.push(...read(netfilterAttributes(message)));
        },
        result: () => items,
      };
    });
  }

  #request(description: string, message: number, write: (writer: MessageWriter) => void) {
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
}
