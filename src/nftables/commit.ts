import { acknowledgementOf, errno, errnoName, messages, netfilterAttributes, Payload } from '../netlink/index.ts';
import type { Acknowledgement, NetlinkTransport } from '../netlink/index.ts';
import type { Batch, Operation } from './batch.ts';
import { CommitError } from './commit-error.ts';
import type { Culprit } from './commit-error.ts';
import { elementListAttribute } from './constants.ts';
import { hintFor } from './hints.ts';
import { decodeElement } from './objects/index.ts';
import type { Element } from './objects/index.ts';

/**
 * Reads the answers to a batch. Throws CommitError if the kernel refused it, or (with `stateUnknown`) when the answer
 * got lost.
 */
export function checkAnswers(socket: Pick<NetlinkTransport, 'answers' | 'drain'>, batch: Batch): void {
  const complaints: Acknowledgement[] = [];
  let acknowledged = false;
  try {
    for (const message of socket.answers()) {
      const answer = acknowledgementOf(message);
      if (answer?.errno === 0) acknowledged = true;
      else if (answer !== undefined) complaints.push(answer);
    }
  } catch (error) {
    socket.drain();
    // A complaint that did arrive is proof enough that nothing was applied.
    if (complaints.length === 0) throw unknownState(error);
  }
  if (complaints.length > 0) throw refusal(batch, complaints);
  if (!acknowledged) throw unknownState(undefined);
}

function unknownState(cause: unknown): CommitError {
  return new CommitError('the answer to a batch got lost: it may or may not have been applied', errno.ENOBUFS, {
    stateUnknown: true,
    cause,
  });
}

function refusal(batch: Batch, complaints: readonly Acknowledgement[]): CommitError {
  const [first] = complaints;
  const number = first?.errno ?? 0;
  const culprits = complaints.flatMap((complaint) => culpritOf(batch, complaint) ?? []);
  const code = errnoName(number);
  const [culprit] = culprits;
  const text = first?.text === undefined ? '' : `, kernel: ${first.text}`;
  return new CommitError(`${describe(culprit)}: ${code}${hintFor(code)}${text}`, number, { culprits });
}

function describe(culprit: Culprit | undefined): string {
  if (culprit === undefined) return 'the batch was refused';
  if (culprit.element === undefined) return culprit.operation;
  const { key, data } = culprit.element;
  return `${culprit.operation}: { ${key}${data === undefined ? '' : ` : ${data}`} }`;
}

function culpritOf(batch: Batch, complaint: Acknowledgement): Culprit | undefined {
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
  const list = message === undefined ? undefined : netfilterAttributes(message).get(elementListAttribute.elements);
  for (const [, item] of list?.attributes() ?? []) {
    // An attribute's payload starts after its 4-byte header; the kernel points to the header.
    if (offset < item.start - 4 || offset >= item.end) continue;
    return decodeElement(operation.set, item).element;
  }
  return undefined;
}
