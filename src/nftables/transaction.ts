import { flag, MessageWriter } from '../netlink/index.ts';
import { Batch } from './batch.ts';
import {
  chainAttribute,
  elementListAttribute,
  flowtableAttribute,
  ruleAttribute,
  setAttribute,
  tableAttribute,
} from './constants.ts';
import type { AnonymousSet } from './expressions/index.ts';
import {
  encodeAnonymousElements,
  encodeAnonymousSet,
  encodeChain,
  encodeFlowtable,
  encodeFlowtableDevices,
  encodeRule,
  encodeSet,
  encodeTable,
  familyNumber,
  ruleText,
} from './objects/index.ts';
import { sameNames } from './names.ts';
import type { Names } from './names.ts';
import type {
  ChainDefinition,
  Element,
  Flowtable,
  IpTableFamily,
  Rule,
  SetDefinition,
  TableOptions,
} from './objects/index.ts';

/** Milliseconds of encoding after which others get their turn. */
const sliceMilliseconds = 4;

/**
 * Changes to one table, applied as a whole or not at all by `NftablesSocket.commit`.
 *
 * Everything is encoded as it is added; the objects given are not kept, but for the set definitions. A value that does
 * not fit its type throws SyntaxFault or RangeError at once and leaves the transaction as it was. May be committed
 * again.
 */
export class Transaction {
  readonly table: string;
  /** For the socket. */
  readonly batch: Batch;
  readonly #names: Names;
  /** For a rule, before the sets that it needs are known. */
  readonly #scratch = new MessageWriter(1024);
  #nextSetId = 1;

  /**
   * @param names how the names of sets and chains that are given here are spelled in the kernel
   * @param family of the table; rules can be added to inet tables only, as their matches say which family they mean
   */
  constructor(table: string, names: Names = sameNames, family: IpTableFamily = 'inet') {
    this.table = table;
    this.#names = names;
    this.batch = new Batch(table, names, familyNumber[family]);
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
    this.batch.add('newTable', flag.create, { description: `add table ${this.table}` }, (writer) => {
      encodeTable(writer, this.table, options);
    });
    return this;
  }

  /** Deletes the table with all that is in it; ENOENT if there is none. */
  deleteTable(): this {
    return this.#named('deleteTable', `delete table ${this.table}`);
  }

  /** Deletes the table if it is there. Kernel 6.3. */
  destroyTable(): this {
    return this.#named('destroyTable', `destroy table ${this.table}`);
  }

  #named(message: 'deleteTable' | 'destroyTable', description: string): this {
    this.batch.add(message, 0, { description }, (writer) => {
      writer.string(tableAttribute.name, this.table);
    });
    return this;
  }

  /** Adds the chain; if it is there nothing changes. */
  addChain(chain: ChainDefinition): this {
    const operation = { description: `add chain ${chain.name}`, chain: chain.name };
    this.batch.add('newChain', flag.create, operation, (writer) => {
      encodeChain(writer, this.table, { ...chain, name: this.#names.chain(chain.name) });
    });
    return this;
  }

  /** Deletes a chain and its rules; EBUSY while other rules or verdict elements lead to it. */
  deleteChain(name: string): this {
    this.batch.add('deleteChain', 0, { description: `delete chain ${name}`, chain: name }, (writer) => {
      writer.string(chainAttribute.table, this.table);
      writer.string(chainAttribute.name, this.#names.chain(name));
    });
    return this;
  }

  /** Appends a rule, with its fingerprint. */
  addRule(rule: Rule): this {
    const encoded = this.#scratch;
    encoded.truncate(0);
    const sets: [AnonymousSet, readonly string[]][] = [];
    const anonymousSet = (protocols: readonly string[]): AnonymousSet => {
      const set = { name: '__set%d', id: this.#nextSetId++ };
      sets.push([set, protocols]);
      return set;
    };
    encodeRule(encoded, this.table, rule, { anonymousSet, names: this.#names });
    const operation = { description: `add rule to chain ${rule.chain}: ${ruleText(rule)}`, chain: rule.chain };
    for (const [set, protocols] of sets) {
      this.batch.add('newSet', flag.create, operation, (writer) => {
        encodeAnonymousSet(writer, this.table, set, protocols);
      });
      this.batch.add('newElements', flag.create, operation, (writer) => {
        encodeAnonymousElements(writer, this.table, set, protocols);
      });
    }
    this.batch.add('newRule', flag.create | flag.append, operation, (writer) => {
      writer.raw(encoded.bytes);
    });
    return this;
  }

  /** Deletes one rule by the handle that `NftablesSocket.rules` told. */
  deleteRule(chain: string, handle: number): this {
    this.batch.add('deleteRule', 0, { description: `delete rule ${handle} of chain ${chain}`, chain }, (writer) => {
      writer.string(ruleAttribute.table, this.table);
      writer.string(ruleAttribute.chain, this.#names.chain(chain));
      writer.bigNumber(ruleAttribute.handle, handle);
    });
    return this;
  }

  /** Deletes all rules of a chain. */
  flushChain(name: string): this {
    this.batch.add('deleteRule', 0, { description: `flush chain ${name}`, chain: name }, (writer) => {
      writer.string(ruleAttribute.table, this.table);
      writer.string(ruleAttribute.chain, this.#names.chain(name));
    });
    return this;
  }

  /**
   * Adds the set or map; if it is there with the same types only its size changes, from the next transaction on. Other
   * types: EEXIST.
   */
  addSet(set: SetDefinition): this {
    const operation = { description: `add ${set.data === undefined ? 'set' : 'map'} ${set.name}`, setName: set.name };
    this.batch.add('newSet', flag.create, operation, (writer) => {
      encodeSet(writer, this.table, { ...set, name: this.#names.set(set.name) }, this.#nextSetId++);
    });
    return this;
  }

  /** Deletes a set with its elements; EBUSY while rules look into it. */
  deleteSet(name: string): this {
    this.batch.add('deleteSet', 0, { description: `delete set ${name}`, setName: name }, (writer) => {
      writer.string(setAttribute.table, this.table);
      writer.string(setAttribute.name, this.#names.set(name));
    });
    return this;
  }

  /**
   * Adds the flowtable, without devices one that no packet meets; if it is there it gets those of the devices that it has
   * not (5.8). ENOENT if there is no such device.
   *
   * @param flowtable with at most 256 devices; further ones go into further calls
   */
  addFlowtable(flowtable: Flowtable): this {
    const { name, devices } = flowtable;
    const description = `add flowtable ${name}${devices.length > 0 ? ` on ${devices.join(', ')}` : ''}`;
    this.batch.add('newFlowtable', flag.create, { description }, (writer) => {
      encodeFlowtable(writer, this.table, flowtable);
    });
    return this;
  }

  /**
   * Takes devices out of a flowtable (5.8): packets that come in there pass all chains again. ENOENT if it has not one of
   * them, or, before kernels that keep names of devices which are gone, if there is none.
   */
  deleteFlowtableDevices(flowtable: Flowtable): this {
    const description = `delete devices ${flowtable.devices.join(', ')} of flowtable ${flowtable.name}`;
    this.batch.add('deleteFlowtable', 0, { description }, (writer) => {
      encodeFlowtableDevices(writer, this.table, flowtable);
    });
    return this;
  }

  /** Deletes a flowtable: its connections go on through all chains. EBUSY while rules lead into it. */
  deleteFlowtable(name: string): this {
    this.batch.add('deleteFlowtable', 0, { description: `delete flowtable ${name}` }, (writer) => {
      writer.string(flowtableAttribute.table, this.table);
      writer.string(flowtableAttribute.name, name);
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
    this.batch.add('deleteElements', 0, { description: `flush set ${name}`, setName: name }, (writer) => {
      writer.string(elementListAttribute.table, this.table);
      writer.string(elementListAttribute.set, this.#names.set(name));
    });
    return this;
  }
}

function exhaust(messages: Generator<void>): void {
  while (messages.next().done !== true);
}
