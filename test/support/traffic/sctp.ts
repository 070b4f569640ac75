import { setTimeout as sleep } from 'node:timers/promises';
import { addressBytes } from '../../../src/ip/index.ts';
import type { Namespace } from '../namespace.ts';
import { patience } from '../patience.ts';
import { RawSocket } from './raw-socket.ts';
import { INIT, INIT_ACK, parseSctp, sctpPacket } from './sctp-packet.ts';

const IPPROTO = { icmp: 1, icmpv6: 58, sctp: 132 } as const;
const lookMilliseconds = 2;

/** An association that a client tries to begin. */
export interface SctpRequest {
  /** The client's own address. */
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  /** Any free one if left out. */
  readonly sourcePort?: number;
  readonly timeoutMilliseconds: number;
}

/** What came back for the INIT chunk. */
export type SctpOutcome =
  /** An INIT ACK, with who sent it and which client address it saw. */
  | { readonly outcome: 'answered'; readonly server: string; readonly client: string }
  /** ICMP "port unreachable". */
  | { readonly outcome: 'unreachable' }
  /** Silence. */
  | { readonly outcome: 'nothing' };

/** An endpoint that answers INIT chunks, made by hand: it needs no SCTP in the kernel. Dispose of it when done. */
export class SctpServer implements Disposable {
  readonly #socket: RawSocket;
  readonly #address: string;
  readonly #port: number;
  readonly #timer: NodeJS.Timeout;

  constructor(space: Namespace, address: string, port: number) {
    this.#address = address;
    this.#port = port;
    this.#socket = new RawSocket(space.path, familyOf(address), IPPROTO.sctp).bind(address);
    this.#timer = setInterval(() => this.#answerAll(), lookMilliseconds);
  }

  #answerAll(): void {
    for (let next = this.#socket.receive(); next; next = this.#socket.receive()) {
      const { type, port, sourcePort } = parseSctp(next.packet);
      if (type !== INIT || port !== this.#port) continue;
      const seen = { outcome: 'answered', server: this.#address, client: next.from } satisfies SctpOutcome;
      // The INIT's own tag verifies the answer.
      const tag = next.packet.getUint32(16);
      const packet = sctpPacket(INIT_ACK, { sourcePort: port, port: sourcePort }, tag, JSON.stringify(seen));
      this.#socket.send(packet, addressBytes(next.from));
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#socket[Symbol.dispose]();
  }
}

/** Sends one INIT chunk, made by hand. */
export async function sendSctp(space: Namespace, request: SctpRequest): Promise<SctpOutcome> {
  const family = familyOf(request.source);
  using sctp = new RawSocket(space.path, family, IPPROTO.sctp).bind(request.source);
  using icmp = new RawSocket(space.path, family, family === 4 ? IPPROTO.icmp : IPPROTO.icmpv6).bind(request.source);
  const sourcePort = request.sourcePort ?? 20_000 + Math.floor(Math.random() * 20_000);
  sctp.send(sctpPacket(INIT, { sourcePort, port: request.port }, 0), addressBytes(request.destination));
  const deadline = performance.now() + request.timeoutMilliseconds * patience;
  while (performance.now() < deadline) {
    const outcome = answerOf(sctp, request.port, sourcePort) ?? unreachable(icmp, family);
    if (outcome) return outcome;
    await sleep(lookMilliseconds);
  }
  return { outcome: 'nothing' };
}

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

function answerOf(socket: RawSocket, port: number, sourcePort: number): SctpOutcome | undefined {
  for (let next = socket.receive(); next; next = socket.receive()) {
    const answer = parseSctp(next.packet);
    const mine = answer.port === sourcePort && answer.sourcePort === port;
    if (mine && answer.type === INIT_ACK) return JSON.parse(answer.cookie) as SctpOutcome;
  }
  return undefined;
}

/** Destination unreachable, port: type 3 code 3 (RFC 792), type 1 code 4 (RFC 4443). */
function unreachable(icmp: RawSocket, family: 4 | 6): SctpOutcome | undefined {
  const wanted = family === 4 ? 0x0303 : 0x0104;
  for (let next = icmp.receive(); next; next = icmp.receive()) {
    if (next.packet.getUint16(0) === wanted) return { outcome: 'unreachable' };
  }
  return undefined;
}
