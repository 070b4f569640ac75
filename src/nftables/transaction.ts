import { Batch } from './batch.ts';
import {
  chainAttribute,
  elementListAttribute,
  hookAttribute,
  hookNumber,
  nft,
  ruleAttribute,
  setAttribute,
  tableAttribute,
  tableFlag,
} from './constants.ts';
import type { Element } from './elements.ts';
import type { AnonymousSet } from './expressions/index.ts';
import { flag, MessageWriter } from '../netlink/index.ts';
import { encodeRule, ruleText } from './rules.ts';
import type { Rule } from './rules.ts';
import { encodeAnonymousSet, encodeSet } from './sets.ts';
import type { SetDefinition } from './sets.ts';
import { comment, userDataType } from './user-data.ts';

/** A chain; with `base` it is called by the kernel, without it by other chains. */
export interface ChainDefinition {
  readonly name: string;
  readonly comment?: string;
  readonly base?: {
    readonly type: 'nat' | 'filter';
    readonly hook: keyof typeof hookNumber;
    /** As in nft: -100 is `dstnat`, 100 `srcnat`, 0 `filter`. */
    readonly priority: number;
  };
}

export interface TableOptions {
  /** Only the socket that adds the table may change it; it is gone with the socket unless `persist`. Kernel 5.12. */
  readonly owner?: boolean;
  /** The table stays when its owner's socket closes, and the next socket that adds it owns it. Kernel 6.9. */
  readonly persist?: boolean;
  readonly comment?: string;
}

/** Milliseconds of encoding after which others get their turn. */
const sliceMilliseconds = 4;

/**
 * Changes to one inet table, applied as a whole or not at all by `NftablesSocket.commit`.
 *
 * Everything is encoded as it is added; the objects given are not kept, but for the set definitions. A value that does
 * not fit its type throws SyntaxFault or RangeError at once and leaves the transaction as it was. May be committed
 * again.
 */
export class Transaction {
  readonly table: string;
  /** For the socket. */
  readonly batch: Batch;
  #nextSetId = 1;

  constructor(table: string) {
    this.table = table;
    this.batch = new Batch(table);
  }

  /** Messages of the batch; one message may carry many elements. */
  get operations(): number {
    return this.batch.operations;
  }

  /** Elements added and deleted. */
  get elements(): number {
    return this.batch.elements;
  }

  get byteLength(): number {
    return this.batch.byteLength;
  }

  /** Adds the table; if it is there with the same flags nothing changes, and nobody's persistent one is adopted. */
  addTable(options: TableOptions = {}): this {
    this.batch.add(nft.newTable, flag.create, { description: `add table ${this.table}` }, (writer) => {
      writer.string(tableAttribute.name, this.table);
      const flags = (options.owner === true ? tableFlag.owner : 0) | (options.persist === true ? tableFlag.persist : 0);
      writer.number(tableAttribute.flags, flags);
      encodeComment(writer, tableAttribute.userData, options.comment);
    });
    return this;
  }

  /** Deletes the table with all that is in it; ENOENT if there is none. */
  deleteTable(): this {
    return this.#named(nft.deleteTable, `delete table ${this.table}`);
  }

  /** Deletes the table if it is there. Kernel 6.3. */
  destroyTable(): this {
    return this.#named(nft.destroyTable, `destroy table ${this.table}`);
  }

  #named(message: number, description: string): this {
    this.batch.add(message, 0, { description }, (writer) => {
      writer.string(tableAttribute.name, this.table);
    });
    return this;
  }

  /** Adds the chain; if it is there nothing changes. */
  addChain(chain: ChainDefinition): this {
    const { base, name } = chain;
    this.batch.add(nft.newChain, flag.create, { description: `add chain ${name}`, chain: name }, (writer) => {
      writer.string(chainAttribute.table, this.table);
      writer.string(chainAttribute.name, name);
      if (base !== undefined) {
        const hook = writer.beginNested(chainAttribute.hook);
        writer.number(hookAttribute.number, hookNumber[base.hook]);
        writer.number(hookAttribute.priority, base.priority >>> 0);
        writer.endAttribute(hook);
        writer.string(chainAttribute.type, base.type);
      }
      encodeComment(writer, chainAttribute.userData, chain.comment);
    });
    return this;
  }

  /** Deletes a chain and its rules; EBUSY while other rules or verdict elements lead to it. */
  deleteChain(name: string): this {
    this.batch.add(nft.deleteChain, 0, { description: `delete chain ${name}`, chain: name }, (writer) => {
      writer.string(chainAttribute.table, this.table);
      writer.string(chainAttribute.name, name);
    });
    return this;
  }

  /** Appends a rule, with its fingerprint. */
  addRule(rule: Rule): this {
    const encoded = new MessageWriter(1024);
    const sets: [AnonymousSet, readonly string[]][] = [];
    encodeRule(encoded, this.table, rule, (protocols) => {
      const set = { name: '__set%d', id: this.#nextSetId++ };
      sets.push([set, protocols]);
      return set;
    });
    const operation = { description: `add rule to chain ${rule.chain}: ${ruleText(rule)}`, chain: rule.chain };
    for (const [set, protocols] of sets) {
      encodeAnonymousSet(this.batch, this.table, set, protocols, operation);
    }
    this.batch.add(nft.newRule, flag.create | flag.append, operation, (writer) => {
      writer.raw(encoded.bytes);
    });
    return this;
  }

  /** Deletes one rule by the handle that `NftablesSocket.rules` told. */
  deleteRule(chain: string, handle: number): this {
    this.batch.add(nft.deleteRule, 0, { description: `delete rule ${handle} of chain ${chain}`, chain }, (writer) => {
      writer.string(ruleAttribute.table, this.table);
      writer.string(ruleAttribute.chain, chain);
      writer.bigNumber(ruleAttribute.handle, handle);
    });
    return this;
  }

  /** Deletes all rules of a chain. */
  flushChain(name: string): this {
    this.batch.add(nft.deleteRule, 0, { description: `flush chain ${name}`, chain: name }, (writer) => {
      writer.string(ruleAttribute.table, this.table);
      writer.string(ruleAttribute.chain, name);
    });
    return this;
  }

  /**
   * Adds the set or map; if it is there with the same types only its size changes, from the next transaction on. Other
   * types: EEXIST.
   */
  addSet(set: SetDefinition): this {
    const operation = { description: `add ${set.data === undefined ? 'set' : 'map'} ${set.name}`, setName: set.name };
    this.batch.add(nft.newSet, flag.create, operation, (writer) => {
      encodeSet(writer, this.table, set, this.#nextSetId++);
    });
    return this;
  }

  /** Deletes a set with its elements; EBUSY while rules look into it. */
  deleteSet(name: string): this {
    this.batch.add(nft.deleteSet, 0, { description: `delete set ${name}`, setName: name }, (writer) => {
      writer.string(setAttribute.table, this.table);
      writer.string(setAttribute.name, name);
    });
    return this;
  }

  /** Adds elements. One that is there with the same data changes nothing (but its timeout); with other data: EEXIST. */
  addElements(set: SetDefinition, elements: Iterable<Element>): this {
    exhaust(this.batch.addElements(true, set, elements));
    return this;
  }

  /** Deletes elements by their keys; ENOENT if one is not there. Intervals are deleted as they were added. */
  deleteElements(set: SetDefinition, keys: Iterable<Pick<Element, 'key'>>): this {
    exhaust(this.batch.addElements(false, set, keys));
    return this;
  }

  /**
   * addElements for huge lists: encodes for some milliseconds, then lets the event loop run. Meanwhile `elements` must
   * not change and nothing else may be added.
   */
  async addElementsInSlices(set: SetDefinition, elements: Iterable<Element>): Promise<this> {
    let since = performance.now();
    const messages = this.batch.addElements(true, set, elements);
    while (messages.next().done !== true) {
      if (performance.now() - since < sliceMilliseconds) continue;
      await new Promise((resolve) => setImmediate(resolve));
      since = performance.now();
    }
    return this;
  }

  /** Deletes all elements of a set. */
  flushSet(name: string): this {
    this.batch.add(nft.deleteElements, 0, { description: `flush set ${name}`, setName: name }, (writer) => {
      writer.string(elementListAttribute.table, this.table);
      writer.string(elementListAttribute.set, name);
    });
    return this;
  }
}

function exhaust(messages: Generator<void>): void {
  while (messages.next().done !== true);
}

function encodeComment(writer: MessageWriter, attribute: number, text: string | undefined): void {
  if (text === undefined) return;
  const userData = writer.beginAttribute(attribute);
  comment(writer, userDataType.comment, text);
  writer.endAttribute(userData);
}
