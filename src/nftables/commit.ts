import type { Batch, Operation } from './batch.ts';
import { elementListAttribute, generationAttribute, nft } from './constants.ts';
import { decodeElement } from './elements.ts';
import type { Element } from './elements.ts';
import {
  acknowledgementAttribute,
  acknowledgementOf,
  attributesOf,
  errno,
  errnoName,
  errorOf,
  hintFor,
  messages,
  NetlinkError,
  Payload,
  subsystem,
} from '../netlink/index.ts';
import type { Culprit, Message, NetlinkSocket } from '../netlink/index.ts';

/** An error answer to a batch. */
interface Complaint {
  readonly errno: number;
  readonly sequence: number;
  /** Position in the message of the attribute at fault. */
  readonly offset?: number;
  readonly text?: string;
}

/**
 * Reads the answers to a batch. Throws NetlinkError if the kernel refused it, or (with `stateUnknown`) when the answer
 * got lost.
 */
export function checkAnswers(socket: Pick<NetlinkSocket, 'answers' | 'drain'>, batch: Batch): void {
  const complaints: Complaint[] = [];
  let acknowledged = false;
  try {
    for (const message of socket.answers()) {
      const number = errorOf(message);
      if (number === 0) acknowledged = true;
      else if (number !== undefined) complaints.push(complaintOf(message, number));
    }
  } catch (error) {
    socket.drain();
    // A complaint that did arrive is proof enough that nothing was applied.
    if (complaints.length === 0) throw unknownState(error);
  }
  if (complaints.length > 0) throw refusal(batch, complaints);
  if (!acknowledged) throw unknownState(undefined);
}

function unknownState(cause: unknown): NetlinkError {
  return new NetlinkError('the answer to a batch got lost: it may or may not have been applied', errno.ENOBUFS, {
    stateUnknown: true,
    cause,
  });
}

function complaintOf(message: Message, number: number): Complaint {
  const attributes = acknowledgementOf(message);
  const offset = attributes?.get(acknowledgementAttribute.offset)?.u32HostEndian();
  const text = attributes?.get(acknowledgementAttribute.message)?.string();
  return {
    errno: number,
    sequence: message.sequence,
    ...(offset === undefined ? {} : { offset }),
    ...(text === undefined ? {} : { text }),
  };
}

function refusal(batch: Batch, complaints: readonly Complaint[]): NetlinkError {
  const [first] = complaints;
  const number = first?.errno ?? 0;
  const culprits = complaints.flatMap((complaint) => culpritOf(batch, complaint) ?? []);
  const code = errnoName(number);
  const [culprit] = culprits;
  const text = first?.text === undefined ? '' : `, kernel: ${first.text}`;
  return new NetlinkError(`${describe(culprit)}: ${code}${hintFor(code)}${text}`, number, { culprits });
}

function describe(culprit: Culprit | undefined): string {
  if (culprit === undefined) return 'the batch was refused';
  if (culprit.element === undefined) return culprit.operation;
  const { key, data } = culprit.element;
  return `${culprit.operation}: { ${key}${data === undefined ? '' : ` : ${data}`} }`;
}

function culpritOf(batch: Batch, complaint: Complaint): Culprit | undefined {
  const operation = batch.operation(complaint.sequence);
  if (operation === undefined) return undefined;
  const element = complaint.offset === undefined ? undefined : elementAt(batch, operation, complaint.offset);
  return {
    operation: operation.description,
    code: errnoName(complaint.errno),
    ...(operation.setName === undefined ? {} : { set: operation.setName }),
    ...(operation.chain === undefined ? {} : { chain: operation.chain }),
    ...(element === undefined ? {} : { element }),
  };
}

/** The element whose bytes are at a position of an element message. */
function elementAt(batch: Batch, operation: Operation, offset: number): Element | undefined {
  if (operation.set === undefined) return undefined;
  const bytes = batch.messageOf(operation);
  const [message] = messages(Payload.of(bytes));
  const list = message === undefined ? undefined : attributesOf(message).get(elementListAttribute.elements);
  for (const [, item] of list?.attributes() ?? []) {
    // An attribute's payload starts after its 4-byte header; the kernel points to the header.
    if (offset < item.start - 4 || offset >= item.end) continue;
    return decodeElement(operation.set, item).element;
  }
  return undefined;
}

/** A NEWGEN message. */
export interface Generation {
  /** Counts the commits of everybody in the network namespace; u32 that wraps around. */
  readonly id: number;
  readonly processId: number;
  readonly processName: string;
}

/** The generation in a message, if it is one. */
export function generationOf(message: Message): Generation | undefined {
  if (message.type !== ((subsystem.nftables << 8) | nft.newGeneration)) return undefined;
  const attributes = attributesOf(message);
  return {
    id: attributes.get(generationAttribute.id)?.u32() ?? 0,
    processId: attributes.get(generationAttribute.processId)?.u32() ?? 0,
    processName: attributes.get(generationAttribute.processName)?.string() ?? '',
  };
}
