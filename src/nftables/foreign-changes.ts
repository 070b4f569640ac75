import { netfilterAttributes, netfilterFamily, NetlinkError, protocolFamily } from '../netlink/index.ts';
import type { Message, NetlinkListener } from '../netlink/index.ts';
import { elementListAttribute } from './constants.ts';
import { collectElements } from './element-requests.ts';
import type { Element, Mark, SetDefinition } from './objects/index.ts';
import { nftMessageType } from './requests.ts';

/** One thing that somebody else has changed in a table. */
export interface ForeignChange {
  /** Undefined: something else than elements. */
  readonly elements?: {
    /** As the kernel calls it. */
    readonly set: string;
    /** Those that came or went, if the set is this one; of an interval set, its boundaries. */
    readonly of: (definition: SetDefinition) => Element[];
  };
}

/**
 * What others commit to one inet table, told by the kernel itself: all of it, or `lost` where it had to leave something
 * out (others committed more than a queue of some megabytes holds since it was read).
 *
 * What packets and expiry change in dynamic sets is nobody's commit.
 */
export class ForeignChanges {
  readonly #listener: NetlinkListener;
  readonly #table: string;

  constructor(listener: NetlinkListener, table: string) {
    this.#listener = listener;
    this.#table = table;
  }

  /** Those since the last call. Each is valid until the next is asked for. Throws NetlinkError. */
  *read(): Generator<ForeignChange | 'lost'> {
    for (const message of this.#heard()) {
      if (message === 'lost') yield message;
      else if (this.#isAboutTable(message)) yield changeOf(message);
    }
  }

  /** After what was lost the queue goes on. */
  *#heard(): Generator<Message | 'lost'> {
    for (let all = false; !all;) {
      try {
        yield* this.#listener.answers();
        all = true;
      } catch (error) {
        if (!(error instanceof NetlinkError) || error.code !== 'ENOBUFS') throw error;
        yield 'lost';
      }
    }
  }

  close(): void {
    this.#listener.close();
  }

  /** The name of the table is the first attribute of messages about tables, chains, rules, sets, elements, all objects. */
  #isAboutTable(message: Message): boolean {
    return (
      message.type !== nftMessageType('newGeneration') &&
      netfilterFamily(message) === protocolFamily.inet &&
      netfilterAttributes(message).get(elementListAttribute.table)?.string() === this.#table
    );
  }
}

function changeOf(message: Message): ForeignChange {
  if (message.type !== nftMessageType('newElements') && message.type !== nftMessageType('deleteElements')) return {};
  const set = netfilterAttributes(message).get(elementListAttribute.set)?.string() ?? '';
  const of = (definition: SetDefinition): Element[] => {
    const marks: Mark[] = [];
    collectElements(definition, message, marks);
    return marks.map(({ element }) => element);
  };
  return { elements: { set, of } };
}
