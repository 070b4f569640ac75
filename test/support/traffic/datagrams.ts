import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stream, StreamTarget } from './protocol.ts';

/** How long an answer to the last datagram may take. */
const patienceMilliseconds = 8000;

/** A socket that goes on sending from one port, as a QUIC connection or a resolver does. */
class Flow {
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #answered = 0;
  readonly #servers: string[] = [];

  constructor({ address, port, everyMilliseconds }: StreamTarget) {
    this.#socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    // Not connected: a refusal is a datagram without an answer, as one that is lost.
    this.#socket.on('message', (message) => {
      const { server } = JSON.parse(message.toString()) as { server: string };
      this.#answered++;
      const host = server.slice(0, server.lastIndexOf(':'));
      if (this.#servers.at(-1) !== host) this.#servers.push(host);
    });
    const send = (): void => {
      this.#sent++;
      this.#socket.send('?\n', port, address);
    };
    send();
    this.#timer = setInterval(send, everyMilliseconds);
  }

  get made(): Stream {
    return { sent: this.#sent, answered: this.#answered, servers: this.#servers };
  }

  get isAnswered(): boolean {
    return this.#answered >= this.#sent;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  close(): void {
    this.#socket.close();
  }
}

let flows: Flow[] = [];

/** Begins to send datagrams from sockets that stay, one a turn from each. Resolves when each has had an answer. */
export async function stream(target: StreamTarget): Promise<void> {
  flows = Array.from({ length: target.flows }, () => new Flow(target));
  await within(() => flows.every(({ made }) => made.answered > 0));
}

/** Stops sending, gives answers that are on their way their time, and tells how each flow went. */
export async function endStream(): Promise<readonly Stream[]> {
  for (const flow of flows) flow.stop();
  await within(() => flows.every(({ isAnswered }) => isAnswered));
  for (const flow of flows) flow.close();
  return flows.splice(0).map(({ made }) => made);
}

async function within(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + patienceMilliseconds; performance.now() < end && !holds();) await sleep(10);
}
