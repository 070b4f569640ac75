import {
  askAll,
  flag,
  netfilterMessageType,
  netfilterRequest,
  NetlinkSocket,
  subsystem,
} from '../../src/netlink/index.ts';
import type { MessageWriter, NetlinkRequest } from '../../src/netlink/index.ts';

/** Numbers of linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_common.h and nf_conntrack_tcp.h, kernel 6.18. */
const IPCTNL_MSG_CT_NEW = 0;
const [CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_PROTOINFO, CTA_TIMEOUT] = [1, 2, 3, 4, 7];
const [CTA_TUPLE_IP, CTA_TUPLE_PROTO, CTA_IP_V4_SRC, CTA_IP_V4_DST] = [1, 2, 1, 2];
const [CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT] = [1, 2, 3];
const [CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED] = [1, 1, 3];
const IPS_SEEN_REPLY_ASSURED_CONFIRMED = 0x2 | 0x4 | 0x8;
const [NFPROTO_IPV4, IPPROTO_TCP] = [2, 6];

const perRound = 10_000;

/** Whoever made the connections of the filler: 198.18.0.0/15 is for tests of this kind (RFC 2544). */
export const fillerClients = '198.18.0.0/16';

/**
 * Fills the table of connections of a namespace with established connections, which the kernel gives up for nobody, until it
 * takes no more. `nf_conntrack_max` is of the whole machine; how many there are is counted by namespace.
 */
export class TableFiller implements Disposable {
  readonly #socket: NetlinkSocket;
  #next = 0;

  /** Opens in the namespace at `path`. Needs root. */
  constructor(path: string) {
    this.#socket = NetlinkSocket.open('netfilter', { namespacePath: path });
  }

  /** Fills what room there is; answers how many connections it took. */
  async fill(): Promise<number> {
    for (let taken = 0; ;) {
      const requests = Array.from({ length: perRound }, () => connection(this.#next++));
      const refused = await askAll(this.#socket, requests);
      taken += requests.length - refused.size;
      const [error] = refused.values();
      if (error === undefined) continue;
      if (error.code !== 'ENOMEM') throw error;
      return taken;
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

function connection(number: number): NetlinkRequest {
  const client = [198, 18, (number >> 8) & 255, number & 255];
  const server = [198, 19, 0, (number >> 16) & 255];
  return {
    ...netfilterRequest({
      description: 'make a connection',
      subsystem: subsystem.conntrack,
      message: IPCTNL_MSG_CT_NEW,
      family: NFPROTO_IPV4,
      attributes: (writer) => {
        tuple(writer, CTA_TUPLE_ORIG, [client, 40_000, server, 80]);
        tuple(writer, CTA_TUPLE_REPLY, [server, 80, client, 40_000]);
        writer.number(CTA_STATUS, IPS_SEEN_REPLY_ASSURED_CONFIRMED);
        writer.number(CTA_TIMEOUT, 600);
        const info = writer.beginNested(CTA_PROTOINFO);
        const tcp = writer.beginNested(CTA_PROTOINFO_TCP);
        writer.byte(CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
        writer.endAttribute(tcp);
        writer.endAttribute(info);
      },
    }),
    type: netfilterMessageType(subsystem.conntrack, IPCTNL_MSG_CT_NEW),
    flags: flag.create | flag.exclusive,
  };
}

type Tuple = readonly [source: number[], sourcePort: number, destination: number[], destinationPort: number];

function tuple(writer: MessageWriter, type: number, [source, sourcePort, destination, port]: Tuple): void {
  const whole = writer.beginNested(type);
  const ip = writer.beginNested(CTA_TUPLE_IP);
  writer.binary(CTA_IP_V4_SRC, Uint8Array.from(source));
  writer.binary(CTA_IP_V4_DST, Uint8Array.from(destination));
  writer.endAttribute(ip);
  const protocol = writer.beginNested(CTA_TUPLE_PROTO);
  writer.byte(CTA_PROTO_NUM, IPPROTO_TCP);
  writer.short(CTA_PROTO_SRC_PORT, sourcePort);
  writer.short(CTA_PROTO_DST_PORT, port);
  writer.endAttribute(protocol);
  writer.endAttribute(whole);
}
