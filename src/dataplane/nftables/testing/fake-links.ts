import { messages, messageType, MessageWriter, Payload } from '../../../netlink/index.ts';
import type { Link, Message, NetlinkListener, OpenTransport } from '../../../netlink/index.ts';

/** linux/rtnetlink.h, linux/if_link.h, linux/if.h */
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const IFLA_IFNAME = 3;
const IFLA_MASTER = 10;
const IFF_LOOPBACK = 0x8;
const AF_BRIDGE = 7;

/** Interfaces of a node, in memory: the bytes of rtnetlink go both ways. */
export class FakeLinks {
  readonly #links = new Map<number, Link>();
  readonly #heard: Uint8Array[][] = [];

  /** An interface comes, or is another one now. */
  set(link: Link): void {
    this.#links.set(link.number, link);
    this.#tell(RTM_NEWLINK, link, 0);
  }

  /** It is gone. */
  delete(number: number): void {
    const link = this.#links.get(number);
    this.#links.delete(number);
    if (link) this.#tell(RTM_DELLINK, link, 0);
  }

  /** It leaves its bridge, which bridges say in the same words in which others go. */
  leaveBridge(number: number): void {
    const link = this.#links.get(number);
    if (link) this.#tell(RTM_DELLINK, link, AF_BRIDGE);
  }

  /** Who listens now. */
  get listeners(): number {
    return this.#heard.length;
  }

  open(): OpenTransport {
    let answer: Uint8Array | undefined;
    const read = function* (): Generator<Message> {
      const bytes = answer;
      answer = undefined;
      if (bytes) yield* messages(Payload.of(bytes));
    };
    return {
      portId: 1,
      send: (): undefined => {
        const list = [...this.#links.values()].map((link) => encode(RTM_NEWLINK, link, 0));
        answer = Buffer.concat([...list, done()]);
      },
      answers: read,
      answersOfOneDatagram: () => [...read()],
      drain: () => undefined,
      close: () => undefined,
      another: () => this.open(),
      listen: () => this.#listen(),
    };
  }

  #listen(): NetlinkListener {
    const queue: Uint8Array[] = [];
    this.#heard.push(queue);
    return {
      *answers(): Generator<Message> {
        for (let bytes = queue.shift(); bytes; bytes = queue.shift()) yield* messages(Payload.of(bytes));
      },
      close: () => {
        this.#heard.splice(this.#heard.indexOf(queue), 1);
      },
    };
  }

  #tell(type: number, link: Link, family: number): void {
    for (const queue of this.#heard) queue.push(encode(type, link, family));
  }
}

function encode(type: number, { number, name, loopback, master }: Link, family: number): Uint8Array {
  const writer = new MessageWriter();
  const start = writer.beginMessage(type, 0, 1);
  writer.u8(family);
  writer.zeros(3);
  writer.u32HostEndian(number);
  writer.u32HostEndian(loopback ? IFF_LOOPBACK : 0);
  writer.zeros(4);
  writer.string(IFLA_IFNAME, name);
  if (master !== undefined) writer.hostNumber(IFLA_MASTER, master);
  writer.endMessage(start);
  return writer.bytes.slice();
}

function done(): Uint8Array {
  const writer = new MessageWriter();
  const start = writer.beginMessage(messageType.done, 0, 1);
  writer.u32HostEndian(0);
  writer.endMessage(start);
  return writer.bytes.slice();
}
