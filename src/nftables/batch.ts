import {
  batchAttribute,
  batchMessageType,
  flag,
  MessageWriter,
  protocolFamily,
  subsystem,
  writeNetfilterHeader,
} from '../netlink/index.ts';
import { elementListAttribute } from './constants.ts';
import type { nftMessage } from './constants.ts';
import { encodeElement } from './objects/index.ts';
import type { Element, SetDefinition } from './objects/index.ts';
import type { Names } from './names.ts';
import { nftMessageType } from './requests.ts';

/** One message of a batch, for telling which operation failed. */
export interface Operation {
  /** Where the message starts in the batch's bytes. */
  readonly start: number;
  /** For people: `add rule in chain services4`. */
  readonly description: string;
  readonly chain?: string;
  readonly setName?: string;
  /** Of element messages. */
  readonly set?: SetDefinition;
}

/** Length of an element list at which it goes on in the next message: an attribute ends at 65535 bytes. */
const splitAt = 64_000;
/** Elements encoded between two chances to pause. */
const pauseEvery = 512;
/** Bytes of BATCH_BEGIN without and with the generation that the batch builds on. */
const frame = { plain: 20, withGeneration: 28 } as const;

/**
 * The messages of one transaction in one buffer: BATCH_BEGIN, one numbered message for each operation, BATCH_END.
 *
 * ```
 * 0        8              28
 * | spare  | BATCH_BEGIN  | message 1 | message 2 | ... | BATCH_END |
 * | BATCH_BEGIN + GENID   | message 1 | ...                              with an expected generation
 * ```
 */
export class Batch {
  readonly #table: string;
  readonly #names: Names;
  readonly #family: number;
  readonly #writer = new MessageWriter();
  readonly #operations: Operation[] = [];
  #elements = 0;

  /** @param family of the table: a number of `protocolFamily` */
  constructor(table: string, names: Names, family: number = protocolFamily.inet) {
    this.#table = table;
    this.#names = names;
    this.#family = family;
    this.#writer.zeros(frame.withGeneration);
  }

  get operations(): number {
    return this.#operations.length;
  }

  get elements(): number {
    return this.#elements;
  }

  get byteLength(): number {
    return this.#writer.length;
  }

  /** Adds one message; `body` writes its attributes. If that throws the batch stays as it was. */
  add(
    message: keyof typeof nftMessage,
    flags: number,
    operation: Omit<Operation, 'start'>,
    body: (writer: MessageWriter) => void,
  ): void {
    const start = this.#writer.length;
    try {
      this.#begin(message, flags, operation);
      body(this.#writer);
      this.#writer.endMessage(start);
    } catch (error) {
      this.#undo(start);
      throw error;
    }
  }

  /**
   * Adds the elements, in as many messages as they need. Yields now and then, so that the caller can pause. If an
   * element is malformed none is added.
   */
  *addElements(adding: boolean, set: SetDefinition, elements: Iterable<Pick<Element, 'key'>>): Generator<void> {
    const start = this.#writer.length;
    const before = this.#elements;
    try {
      yield* this.#elementMessages(adding, set, elements);
    } catch (error) {
      this.#undo(start);
      this.#elements = before;
      throw error;
    }
  }

  *#elementMessages(adding: boolean, set: SetDefinition, elements: Iterable<Pick<Element, 'key'>>): Generator<void> {
    const writer = this.#writer;
    const encoding = { keyOnly: !adding, names: this.#names };
    let open: { message: number; list: number } | undefined;
    let sincePause = 0;
    for (const element of elements) {
      if (open !== undefined && writer.length - open.list > splitAt) {
        this.#endElements(open);
        open = undefined;
      }
      open ??= this.#beginElements(adding, set);
      encodeElement(writer, set, element as Element, encoding);
      this.#elements++;
      if (++sincePause < pauseEvery) continue;
      sincePause = 0;
      yield;
    }
    if (open !== undefined) this.#endElements(open);
  }

  #beginElements(adding: boolean, set: SetDefinition): { message: number; list: number } {
    const writer = this.#writer;
    const message = writer.length;
    const description = adding ? `add elements to ${set.name}` : `delete elements of ${set.name}`;
    const operation = { description, setName: set.name, set };
    this.#begin(adding ? 'newElements' : 'deleteElements', adding ? flag.create : 0, operation);
    writer.string(elementListAttribute.table, this.#table);
    writer.string(elementListAttribute.set, this.#names.set(set.name));
    return { message, list: writer.beginNested(elementListAttribute.elements) };
  }

  #endElements({ message, list }: { message: number; list: number }): void {
    this.#writer.endAttribute(list);
    this.#writer.endMessage(message);
  }

  #begin(message: keyof typeof nftMessage, flags: number, operation: Omit<Operation, 'start'>): void {
    const start = this.#writer.length;
    this.#operations.push({ ...operation, start });
    this.#writer.beginMessage(nftMessageType(message), flag.request | flags, this.#operations.length);
    writeNetfilterHeader(this.#writer, this.#family);
  }

  #undo(start: number): void {
    this.#writer.truncate(start);
    while ((this.#operations.at(-1)?.start ?? -1) >= start) this.#operations.pop();
  }

  /** The operation that a sequence number in an answer means; undefined for the frame of the batch. */
  operation(sequence: number): Operation | undefined {
    return this.#operations[sequence - 1];
  }

  /** The bytes of an operation's message, for looking up what a position in it means. */
  messageOf(operation: Operation): Uint8Array {
    return this.#writer.bytes.subarray(operation.start);
  }

  /**
   * The finished batch: valid until the next change of it. More may be added afterwards, and it may be finished again.
   *
   * The last message asks for an acknowledgement, like BATCH_END: older kernels (about 6.10 and before, not tried) do
   * not acknowledge BATCH_END, and either shows that the batch was looked at to its end.
   */
  finish(expectedGeneration: number | undefined): Uint8Array {
    const writer = this.#writer;
    const last = this.#operations.at(-1);
    if (last !== undefined) writer.addFlags(last.start, flag.ack);
    const end = writer.length;
    const frameEnd = writer.beginMessage(batchMessageType.end, flag.request | flag.ack, this.#operations.length + 1);
    writeNetfilterHeader(writer, protocolFamily.unspecified, subsystem.nftables);
    writer.endMessage(frameEnd);
    const bytes = writer.bytes;
    // Messages that are added later take the place of BATCH_END.
    writer.rewind(end);
    const begin = expectedGeneration === undefined ? frame.withGeneration - frame.plain : 0;
    bytes.set(batchBegin(expectedGeneration), begin);
    return bytes.subarray(begin);
  }
}

function batchBegin(generation: number | undefined): Uint8Array {
  const writer = new MessageWriter(frame.withGeneration);
  const start = writer.beginMessage(batchMessageType.begin, flag.request, 0);
  writeNetfilterHeader(writer, protocolFamily.unspecified, subsystem.nftables);
  if (generation !== undefined) writer.number(batchAttribute.generation, generation);
  writer.endMessage(start);
  return writer.bytes;
}
