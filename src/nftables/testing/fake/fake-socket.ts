import { errno, messages, NetlinkError, Payload } from '../../../netlink/index.ts';
import type { OpenTransport, Message, NetlinkListener } from '../../../netlink/index.ts';

/** Datagrams that the kernel answers with, each made when it is received; `lost` where it had to drop one. */
export type Datagrams = Iterable<Uint8Array | 'lost'>;

/** What a socket needs of the kernel. */
export interface FakeKernel {
  handle(request: Uint8Array, portId: number): Datagrams;
  /** A socket more. */
  openSocket(): FakeSocket;
  /** A listener that hears what others than this port commit. */
  listen(exceptPortId: number): NetlinkListener;
  /** A socket is gone, with what it owned. */
  release(portId: number): void;
}

/** A netlink socket that a fake kernel answers, within `send`, as the real one does. */
export class FakeSocket implements OpenTransport {
  readonly portId: number;
  readonly #kernel: FakeKernel;
  readonly #answers: Iterator<Uint8Array | 'lost', unknown>[] = [];
  #closed = false;

  constructor(kernel: FakeKernel, portId: number) {
    this.#kernel = kernel;
    this.portId = portId;
  }

  send(bytes: Uint8Array): undefined {
    this.#checkOpen();
    this.#answers.push(this.#kernel.handle(bytes, this.portId)[Symbol.iterator]());
  }

  listen(): NetlinkListener {
    this.#checkOpen();
    return this.#kernel.listen(this.portId);
  }

  another(): FakeSocket {
    return this.#kernel.openSocket();
  }

  *answers(): Generator<Message> {
    for (let datagram = this.#receive(); datagram !== undefined; datagram = this.#receive()) {
      yield* messages(Payload.of(datagram));
    }
  }

  answersOfOneDatagram(): Message[] {
    const datagram = this.#receive();
    return datagram === undefined ? [] : [...messages(Payload.of(datagram))];
  }

  drain(): void {
    this.#answers.length = 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#kernel.release(this.portId);
  }

  #receive(): Uint8Array | undefined {
    this.#checkOpen();
    const datagram = this.#next();
    if (datagram === 'lost') throw new NetlinkError('recv on a netlink socket failed: ENOBUFS', errno.ENOBUFS);
    return datagram;
  }

  #next(): Uint8Array | 'lost' | undefined {
    for (let [first] = this.#answers; first !== undefined; [first] = this.#answers) {
      const { done, value } = first.next();
      if (done !== true) return value;
      this.#answers.shift();
    }
    return undefined;
  }

  #checkOpen(): void {
    if (this.#closed) throw new NetlinkError('the netlink socket is closed', errno.EBADF);
  }
}
