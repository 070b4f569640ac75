import {
  acknowledgementAttribute,
  flag,
  messageType,
  MessageWriter,
  protocolFamily,
  Payload,
  writeNetfilterHeader,
} from '../../../netlink/index.ts';
import type { Message } from '../../../netlink/index.ts';
import { tableAttribute } from '../../constants.ts';
import type { nftMessage } from '../../constants.ts';
import { nftMessageType } from '../../requests.ts';
import { Refusal } from './refusal.ts';

/** What a message of a batch is answered with. */
export interface Answer {
  readonly sequence: number;
  /** 0 acknowledges. */
  readonly errno: number;
  readonly offset?: number | undefined;
}

/** The answer to a message that was done, or refused. */
export function answerTo({ sequence }: Message, refusal?: Refusal): Answer {
  return { sequence, errno: refusal?.errno ?? 0, offset: refusal?.offset };
}

/** An NLMSG_ERROR: header of the answered message, and where it was at fault. */
export function encodeAnswer({ sequence, errno, offset }: Answer): Uint8Array {
  const writer = new MessageWriter(64);
  const flags = flag.capped | (offset === undefined ? 0 : flag.acknowledgementAttributes);
  const start = writer.beginMessage(messageType.error, flags, sequence);
  writer.u32HostEndian(-errno >>> 0);
  writer.zeros(16);
  if (offset !== undefined) {
    const attribute = writer.beginAttribute(acknowledgementAttribute.offset);
    writer.u32HostEndian(offset);
    writer.endAttribute(attribute);
  }
  writer.endMessage(start);
  return writer.bytes;
}

/** One object of a listing: its message, and what writes its attributes. */
export interface Listed {
  readonly message: keyof typeof nftMessage;
  readonly attributes: (writer: MessageWriter) => void;
}

/**
 * A listing as one datagram: what `list` yields, up to where it throws a Refusal. A dump has an end, other answers an
 * acknowledgement.
 */
export function encodeListing(request: Message, list: (request: Message) => Iterable<Listed>): Uint8Array {
  const writer = new MessageWriter();
  try {
    for (const object of list(request)) writeObject(writer, request, object);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    writer.raw(encodeAnswer(answerTo(request, error)));
    return writer.bytes;
  }
  if (isDump(request)) writeEnd(writer, request);
  else writer.raw(encodeAnswer(answerTo(request)));
  return writer.bytes;
}

/** A listing that is made while it is received: each object that `list` yields in a datagram of its own. */
export function* encodePages(request: Message, list: (request: Message) => Iterable<Listed>): Generator<Uint8Array> {
  try {
    for (const object of list(request)) {
      const writer = new MessageWriter();
      writeObject(writer, request, object);
      yield writer.bytes;
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    yield encodeAnswer(answerTo(request, error));
    return;
  }
  const writer = new MessageWriter(64);
  writeEnd(writer, request);
  yield writer.bytes;
}

function writeObject(writer: MessageWriter, { sequence }: Message, { message, attributes }: Listed): void {
  const start = writer.beginMessage(nftMessageType(message), 0, sequence);
  writeNetfilterHeader(writer, protocolFamily.inet);
  attributes(writer);
  writer.endMessage(start);
}

function writeEnd(writer: MessageWriter, { sequence }: Message): void {
  const start = writer.beginMessage(messageType.done, 0, sequence);
  writer.u32HostEndian(0);
  writer.endMessage(start);
}

export function isDump(request: Message): boolean {
  return (request.flags & flag.dump) === flag.dump;
}

/** What listeners are told of a table that is gone. */
export function tableIsGone(name: string): Message {
  return encodeMessage({
    message: 'deleteTable',
    attributes: (writer) => {
      writer.string(tableAttribute.name, name);
    },
  });
}

/** An object as listeners are told of it. */
export function encodeMessage({ message, attributes }: Listed): Message {
  const writer = new MessageWriter();
  writeNetfilterHeader(writer, protocolFamily.inet);
  attributes(writer);
  return { type: nftMessageType(message), flags: 0, sequence: 0, payload: Payload.of(writer.bytes) };
}
