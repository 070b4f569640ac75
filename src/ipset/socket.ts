import { ask, dump, netfilterAttributes, NetlinkError, NetlinkSocket } from '../netlink/index.ts';
import type { NetlinkRequest, Payload, SocketOptions } from '../netlink/index.ts';
import { destroyRequest, namesRequest, portsRequest, readNames, readPorts } from './messages.ts';

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
    try {
      return await this.#list(namesRequest(), readNames);
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'EINVAL') return [];
      throw error;
    }
  }

  /** The port numbers that are in a set. */
  ports(name: string): Promise<number[]> {
    return this.#list(portsRequest(name), readPorts);
  }

  /** Deletes a set. Throws NetlinkError; for one that a rule names, too. */
  destroy(name: string): void {
    ask(this.#socket, destroyRequest(name), () => undefined);
  }

  /** Closes the socket; the sets stay. */
  close(): void {
    this.#socket.close();
  }

  #list<Item>(request: NetlinkRequest, read: (set: Payload) => Item[]): Promise<Item[]> {
    return dump(this.#socket, request, () => {
      const items: Item[] = [];
      return {
        use: (message) => {
          items.push(...read(netfilterAttributes(message)));
        },
        result: () => items,
      };
    });
  }
}
