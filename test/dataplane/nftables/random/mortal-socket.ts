import { NetlinkSocket } from '../../../../src/netlink/index.ts';
import type { OpenTransport, Message, NetlinkListener } from '../../../../src/netlink/index.ts';

/** When an agent dies: at which of its netlink requests from now on, and whether the kernel still gets that one. */
export interface Death {
  readonly requests: number;
  readonly sent: boolean;
}

/** The life of one agent, whatever sockets it has. */
export class Life {
  #death: Death | undefined;
  #requests = 0;
  #over = false;

  get over(): boolean {
    return this.#over;
  }

  endAt(death: Death | undefined): void {
    this.#death = death;
    this.#requests = 0;
  }

  /** Passes one request on to the kernel, or not any more. */
  spend(pass: () => Promise<void> | undefined): Promise<void> | undefined {
    if (this.#over) throw new Error('killed');
    if (this.#death === undefined || this.#requests++ < this.#death.requests) return pass();
    this.#over = true;
    const passed = this.#death.sent ? pass() : undefined;
    if (passed === undefined) throw new Error('killed');
    return passed.then(() => Promise.reject(new Error('killed')));
  }
}

/** A real netlink socket of an agent that dies in the middle of what it does. */
export class MortalSocket implements OpenTransport {
  readonly #socket: NetlinkSocket;
  readonly #life: Life;

  constructor(life: Life, socket: NetlinkSocket) {
    this.#life = life;
    this.#socket = socket;
  }

  static open(life: Life, namespacePath: string): MortalSocket {
    return new MortalSocket(life, NetlinkSocket.open('netfilter', { namespacePath }));
  }

  get portId(): number {
    return this.#socket.portId;
  }

  send(bytes: Uint8Array): Promise<void> | undefined {
    return this.#life.spend(() => this.#socket.send(bytes));
  }

  another(): MortalSocket {
    return new MortalSocket(this.#life, this.#socket.another());
  }

  listen(group: number): NetlinkListener {
    return this.#socket.listen(group);
  }

  answers(): Generator<Message> {
    return this.#socket.answers();
  }

  answersOfOneDatagram(): Message[] {
    return this.#socket.answersOfOneDatagram();
  }

  drain(): void {
    this.#socket.drain();
  }

  close(): void {
    this.#socket.close();
  }
}
