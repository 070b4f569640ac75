import type { Family } from '../ip/index.ts';
import {
  ask,
  dump,
  dumpPages,
  netfilterAttributes,
  netfilterMessageType,
  netfilterRequest,
  NetlinkError,
  NetlinkSocket,
  protocolFamily,
  RequestQueue,
  subsystem,
} from '../netlink/index.ts';
import type { Message, MessageWriter, NetlinkRequest, SocketOptions } from '../netlink/index.ts';
import { conntrackMessage } from './constants.ts';
import { decodeEntry, encodeEntryName, encodeFilter } from './entry.ts';
import type { ConntrackEntry, ConntrackFilter } from './entry.ts';
import { decodeCpuStatistics, decodeStatistics } from './occupancy.ts';
import type { ConntrackOccupancy } from './occupancy.ts';

function requestOf(
  description: string,
  message: number,
  family: Family | undefined,
  attributes?: (writer: MessageWriter) => void,
): NetlinkRequest {
  return netfilterRequest({
    description,
    subsystem: subsystem.conntrack,
    message,
    family: familyNumber(family),
    attributes,
  });
}

function familyNumber(family: Family | undefined): number {
  if (family === undefined) return protocolFamily.unspecified;
  return family === 4 ? protocolFamily.ipv4 : protocolFamily.ipv6;
}

const newEntry = netfilterMessageType(subsystem.conntrack, conntrackMessage.new);

/**
 * The connection table of one network namespace. Requests run one after the other. All methods reject with
 * NetlinkError when the kernel refuses.
 */
export class ConntrackSocket {
  readonly #socket: NetlinkSocket;
  readonly #queue = new RequestQueue();

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Opens a socket, in the given network namespace if any (that needs CAP_SYS_ADMIN). Throws NetlinkError. */
  static open(options: SocketOptions = {}): ConntrackSocket {
    return new ConntrackSocket(NetlinkSocket.open('netfilter', options));
  }

  /** What `scan` visits, in a list: for small tables. */
  async entries(filter: ConntrackFilter): Promise<ConntrackEntry[]> {
    const entries: ConntrackEntry[] = [];
    await this.scan(filter, (entry) => entries.push(entry));
    return entries;
  }

  /**
   * Calls `visit` with each entry that passes the filter, without keeping any: for tables of hundreds of thousands.
   * An entry that appears or goes meanwhile may be missed. The event loop runs in between. An exception of `visit` ends
   * the scan and is passed on.
   */
  scan(filter: ConntrackFilter, visit: (entry: ConntrackEntry) => unknown): Promise<void> {
    return this.#queue.run(async () => {
      const request = requestOf('list connections', conntrackMessage.get, filter.family, (writer) => {
        encodeFilter(writer, filter);
      });
      for await (const page of dumpPages(this.#socket, request)) {
        for (const message of page) {
          if (message.type !== newEntry) continue;
          const entry = decodeEntry(netfilterAttributes(message), filter);
          if (entry !== undefined) visit(entry);
        }
      }
    });
  }

  /** Deletes the entry; false if it was gone already. */
  delete(entry: ConntrackEntry): Promise<boolean> {
    return this.#queue.run(() => {
      const request = requestOf('delete connection', conntrackMessage.delete, entry.family, (writer) => {
        encodeEntryName(writer, entry);
      });
      try {
        ask(this.#socket, request, () => undefined);
        return true;
      } catch (error) {
        if (error instanceof NetlinkError && error.code === 'ENOENT') return false;
        throw error;
      }
    });
  }

  /** How full the table is, and what was lost because of that. Costs the same however many connections there are. */
  occupancy(): Promise<ConntrackOccupancy> {
    return this.#queue.run(async () => {
      let size = { entries: 0, limit: 0 };
      const question = requestOf('count connections', conntrackMessage.statistics, undefined);
      ask(this.#socket, question, (message) => (size = decodeStatistics(netfilterAttributes(message))));
      const [description, message] = ['read statistics of connections', conntrackMessage.cpuStatistics];
      const losses = await dump(this.#socket, requestOf(description, message, undefined), () => {
        const sum = { dropped: 0, evicted: 0 };
        const use = (message: Message): void => {
          const { dropped, evicted } = decodeCpuStatistics(netfilterAttributes(message));
          sum.dropped += dropped;
          sum.evicted += evicted;
        };
        return { use, result: () => sum };
      });
      return { ...size, ...losses };
    });
  }

  /** Closes the socket. */
  close(): void {
    this.#socket.close();
  }
}
