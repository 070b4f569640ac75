import { acknowledgementOf } from './acknowledgement.ts';
import type { Acknowledgement } from './acknowledgement.ts';
import { flag, messageType } from './constants.ts';
import { NetlinkError } from './error.ts';
import { errno, errnoName } from './libc.ts';
import type { Message } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import type { NetlinkTransport } from './socket.ts';

/** What to ask the kernel. */
export interface NetlinkRequest {
  /** For people, in errors: `list chains`. */
  readonly description: string;
  /** nlmsghdr.nlmsg_type */
  readonly type: number;
  /** Of nlmsghdr.nlmsg_flags, beyond what asking takes: `create`, for instance. */
  readonly flags?: number;
  /** Writes what follows nlmsghdr: the protocol's own header, then attributes. */
  readonly body: (writer: MessageWriter) => void;
  /** What an error code means here, for people: ` (the set is full)`; empty if there is nothing to say. */
  readonly hint?: (code: string) => string;
}

/** Milliseconds of reading a dump after which the event loop gets its turn. */
const sliceMilliseconds = 4;
/** A dump that a change came into starts over; after so many times it fails. */
const attempts = 20;

function write(writer: MessageWriter, request: NetlinkRequest, flags: number, sequence = 1): void {
  const start = writer.beginMessage(request.type, flag.request | flags | (request.flags ?? 0), sequence);
  request.body(writer);
  writer.endMessage(start);
}

function encode(request: NetlinkRequest, flags: number): Uint8Array {
  const writer = new MessageWriter(1024);
  write(writer, request, flags);
  return writer.bytes;
}

/**
 * Asks for something that is answered by few messages. Each goes to `use`; they are valid during the call only.
 * Throws NetlinkError for an error answer.
 */
export function ask(socket: NetlinkTransport, request: NetlinkRequest, use: (message: Message) => void): void {
  const sending = socket.send(encode(request, flag.ack));
  if (sending !== undefined) throw new RangeError(`${request.description}: too large a request`);
  try {
    for (const message of socket.answers()) {
      const acknowledgement = acknowledgementOf(message);
      if (acknowledgement === undefined) use(message);
      else if (acknowledgement.errno !== 0) throw refusal(request, acknowledgement);
    }
  } catch (error) {
    // The rest of the answers must not be taken for those to the next request.
    socket.drain();
    throw error;
  }
}

/** Requests in one call: their acknowledgements must fit the socket's queue. */
const requestsPerCall = 1000;

/**
 * Sends many requests that are answered by an acknowledgement each. They are carried out in order, each by itself: what
 * becomes of one says nothing of the others.
 *
 * @returns by request why the kernel refused it; those that it carried out are not in it
 * @throws NetlinkError if the socket fails: what was carried out is not known then
 */
export async function askAll<Request extends NetlinkRequest>(
  socket: NetlinkTransport,
  requests: readonly Request[],
): Promise<Map<Request, NetlinkError>> {
  const refused = new Map<Request, NetlinkError>();
  for (let first = 0; first < requests.length; first += requestsPerCall) {
    const part = requests.slice(first, first + requestsPerCall);
    const writer = new MessageWriter();
    part.forEach((request, index) => {
      write(writer, request, flag.ack, index + 1);
    });
    await socket.send(writer.bytes);
    for (const [request, error] of refusalsOf(socket, part)) refused.set(request, error);
  }
  return refused;
}

/** Reads the acknowledgements of requests with the sequence numbers 1, 2, ... */
function* refusalsOf<Request extends NetlinkRequest>(
  socket: NetlinkTransport,
  requests: readonly Request[],
): Generator<[Request, NetlinkError]> {
  let acknowledged = 0;
  for (const message of socket.answers()) {
    const acknowledgement = acknowledgementOf(message);
    const request = acknowledgement && requests[acknowledgement.sequence - 1];
    if (!request) continue;
    acknowledged++;
    if (acknowledgement.errno !== 0) yield [request, refusal(request, acknowledgement)];
  }
  if (acknowledged < requests.length) {
    const [first] = requests;
    throw new NetlinkError(`${first?.description ?? 'requests'} and more: answers are missing`, errno.ENOBUFS);
  }
}

/**
 * Reads a dump; `collect` makes a fresh collector and is called again when a change by anybody made the dump
 * inconsistent and it starts over, as far as the kernel says so. Each message is valid during the call only. The event loop runs between pages.
 * Throws NetlinkError; code EINTR when what is listed kept changing.
 */
export async function dump<Result>(
  socket: NetlinkTransport,
  request: NetlinkRequest,
  collect: () => { use: (message: Message) => void; result: () => Result },
): Promise<Result> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const collector = collect();
    if (await dumpOnce(socket, request, collector.use)) return collector.result();
  }
  throw new NetlinkError(`${request.description}: it kept changing while it was read`, errno.EINTR);
}

/** True if the dump was consistent. */
async function dumpOnce(
  socket: NetlinkTransport,
  request: NetlinkRequest,
  use: (message: Message) => void,
): Promise<boolean> {
  let consistent = true;
  for await (const page of dumpPages(socket, request)) {
    for (const message of page) {
      if ((message.flags & flag.dumpInterrupted) !== 0) consistent = false;
      if (consistent && message.type !== messageType.done) use(message);
    }
  }
  return consistent;
}

/** The datagrams of a dump, the last one with NLMSG_DONE included. */
export async function* dumpPages(socket: NetlinkTransport, request: NetlinkRequest): AsyncGenerator<Message[]> {
  let finished = false;
  let since = performance.now();
  void socket.send(encode(request, flag.dump));
  try {
    while (!finished) {
      const page = socket.answersOfOneDatagram();
      if (page.length === 0) throw new NetlinkError(`${request.description}: the dump has no end`, errno.ENODATA);
      finished = checkPage(request, page);
      yield page;
      if (performance.now() - since < sliceMilliseconds) continue;
      await new Promise((resolve) => setImmediate(resolve));
      since = performance.now();
    }
  } finally {
    // Whoever stops early must not leave the rest to the next request.
    if (!finished) socket.drain();
  }
}

/** True if the page ends the dump. Throws for an error in it. */
function checkPage(request: NetlinkRequest, page: readonly Message[]): boolean {
  for (const message of page) {
    const acknowledgement = acknowledgementOf(message);
    if (acknowledgement !== undefined && acknowledgement.errno !== 0) throw refusal(request, acknowledgement);
    if (message.type !== messageType.done) continue;
    const result = message.payload.length >= 4 ? -message.payload.i32HostEndian() : 0;
    if (result > 0) throw refusal(request, { errno: result });
    return true;
  }
  return false;
}

function refusal(request: NetlinkRequest, answer: Pick<Acknowledgement, 'errno' | 'text'>): NetlinkError {
  const code = errnoName(answer.errno);
  const hint =
    code === 'EPERM' ? ' (CAP_NET_ADMIN is missing in this network namespace)' : (request.hint?.(code) ?? '');
  const said = answer.text === undefined ? '' : `, kernel: ${answer.text}`;
  return new NetlinkError(`${request.description}: ${code}${hint}${said}`, answer.errno);
}
