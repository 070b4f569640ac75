import { acknowledgementAttribute, flag, messageType } from './constants.ts';
import { errno, errnoName } from './libc.ts';
import type { Message } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import { hintFor, NetlinkError } from './error.ts';
import { acknowledgementOf, errorOf } from './socket.ts';
import type { NetlinkSocket } from './socket.ts';

/** What to ask: message type with its subsystem, protocol family, and attributes. */
export interface Query {
  /** For people, in errors: `list chains`. */
  readonly description: string;
  readonly type: number;
  readonly family: number;
  readonly attributes?: (writer: MessageWriter) => void;
}

/** Milliseconds of reading a dump after which the event loop gets its turn. */
const sliceMilliseconds = 4;
/** A dump that a commit came into starts over; after so many times it fails. */
const attempts = 20;

function encode(query: Query, flags: number): Uint8Array {
  const writer = new MessageWriter(1024);
  const start = writer.beginMessage(query.type, flag.request | flags, 1);
  writer.netfilterHeader(query.family, 0);
  query.attributes?.(writer);
  writer.endMessage(start);
  return writer.bytes;
}

/**
 * Asks for something that is answered by few messages. Each goes to `use`; they are valid during the call only.
 * Throws NetlinkError for an error answer.
 */
export function ask(socket: NetlinkSocket, query: Query, use: (message: Message) => void): void {
  const sending = socket.send(encode(query, flag.ack));
  if (sending !== undefined) throw new RangeError(`${query.description}: too large a request`);
  try {
    for (const message of socket.answers()) {
      const number = errorOf(message);
      if (number === undefined) use(message);
      else if (number !== 0) throw refusal(query, message, number);
    }
  } catch (error) {
    // The rest of the answers must not be taken for those to the next request.
    socket.drain();
    throw error;
  }
}

/**
 * Reads a dump; `collect` makes a fresh collector and is called again when a commit by anybody made the dump
 * inconsistent and it starts over. Each message is valid during the call only. The event loop runs between pages.
 * Throws NetlinkError; code EINTR when the ruleset kept changing.
 */
export async function dump<Result>(
  socket: NetlinkSocket,
  query: Query,
  collect: () => { use: (message: Message) => void; result: () => Result },
): Promise<Result> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const collector = collect();
    if (await dumpOnce(socket, query, collector.use)) return collector.result();
  }
  throw new NetlinkError(`${query.description}: the ruleset kept changing while it was read`, errno.EINTR);
}

/** True if the dump was consistent. */
async function dumpOnce(socket: NetlinkSocket, query: Query, use: (message: Message) => void): Promise<boolean> {
  let consistent = true;
  for await (const page of dumpPages(socket, query)) {
    for (const message of page) {
      if ((message.flags & flag.dumpInterrupted) !== 0) consistent = false;
      if (consistent && message.type !== messageType.done) use(message);
    }
  }
  return consistent;
}

/** The datagrams of a dump, the last one with NLMSG_DONE included. */
export async function* dumpPages(socket: NetlinkSocket, query: Query): AsyncGenerator<Message[]> {
  let finished = false;
  let since = performance.now();
  void socket.send(encode(query, flag.dump));
  try {
    while (!finished) {
      const page = socket.answersOfOneDatagram();
      if (page.length === 0) throw new NetlinkError(`${query.description}: the dump has no end`, errno.ENODATA);
      finished = checkPage(query, page);
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
function checkPage(query: Query, page: readonly Message[]): boolean {
  for (const message of page) {
    const number = errorOf(message) ?? 0;
    if (number !== 0) throw refusal(query, message, number);
    if (message.type !== messageType.done) continue;
    const result = message.payload.length >= 4 ? -message.payload.i32HostEndian() : 0;
    if (result > 0) throw refusal(query, message, result);
    return true;
  }
  return false;
}

function refusal(query: Query, message: Message, number: number): NetlinkError {
  const code = errnoName(number);
  const text = acknowledgementOf(message)?.get(acknowledgementAttribute.message)?.string();
  const hint = code === 'EPERM' ? ' (CAP_NET_ADMIN is missing in this network namespace)' : hintFor(code);
  return new NetlinkError(
    `${query.description}: ${code}${hint}${text === undefined ? '' : `, kernel: ${text}`}`,
    number,
  );
}
