import { paddedLength } from '../../objects/index.ts';
import type { SetDefinition } from '../../objects/index.ts';
import { BoxStore, HashStore } from './element-stores.ts';
import type { ElementStore } from './element-stores.ts';
import { RangeStore } from './range-store.ts';
import type { Reference } from './references.ts';
import type { StoredElement } from './stored-element.ts';

/** A rule: what it does is only text here. */
export interface FakeRule {
  readonly handle: number;
  readonly userData: Uint8Array | undefined;
  /** As they were sent. */
  readonly expressions: Uint8Array | undefined;
  readonly references: readonly Reference[];
  readonly comment: string | undefined;
  /** For people: the names of its expressions. */
  readonly text: string;
}

/** Where and when the kernel calls a base chain. */
export interface FakeBase {
  readonly type: string;
  readonly hook: number;
  readonly priority: number;
}

export interface FakeChain {
  readonly name: string;
  readonly handle: number;
  readonly base: FakeBase | undefined;
  /** As it was sent: hook, priority, type, user data. */
  readonly attributes: Uint8Array;
  readonly rules: FakeRule[];
}

/** A named set or map. Its elements are shared with the copies of the ruleset until one of them changes. */
export class FakeSet {
  definition: SetDefinition;
  /** What a repeated NEWSET asks for: in force from the next transaction on. */
  next: SetDefinition | undefined;
  readonly handle: number;
  /** Of elements whose time to live this transaction changes: what it was. */
  readonly timesBefore = new Map<StoredElement, number>();
  #elements: ElementStore;
  #shared: boolean;

  constructor(definition: SetDefinition, handle: number, elements?: ElementStore) {
    this.definition = definition;
    this.handle = handle;
    this.#elements = elements ?? storeFor(definition);
    this.#shared = elements !== undefined;
  }

  /** For reading. */
  get elements(): Pick<ElementStore, 'size' | 'find' | 'values'> {
    return this.#elements;
  }

  /** For changing. */
  get ownElements(): ElementStore {
    if (this.#shared) this.#elements = this.#elements.copy();
    this.#shared = false;
    return this.#elements;
  }

  copy(): FakeSet {
    this.#shared = true;
    return new FakeSet(this.definition, this.handle, this.#elements);
  }
}

function storeFor({ key, interval }: SetDefinition): ElementStore {
  if (interval !== true) return new HashStore();
  return key.length === 1 ? new RangeStore() : new BoxStore(key.map(paddedLength));
}

/** An inet table. */
export class FakeTable {
  readonly name: string;
  readonly userData: Uint8Array | undefined;
  flags: number;
  /** Port of the socket that owns it; 0 for none. */
  owner: number;
  /** Its flags change in this transaction. */
  updating = false;
  /** A chain that was there was added again in this transaction, or a base chain deleted. */
  chainsTouched = false;
  chains = new Map<string, FakeChain>();
  sets = new Map<string, FakeSet>();
  /** Devices by the name of their flowtable. */
  flowtables = new Map<string, ReadonlySet<string>>();

  constructor(table: Pick<FakeTable, 'name' | 'userData' | 'flags' | 'owner'>) {
    this.name = table.name;
    this.userData = table.userData;
    this.flags = table.flags;
    this.owner = table.owner;
  }

  copy(): FakeTable {
    const copy = new FakeTable(this);
    for (const chain of this.chains.values()) copy.chains.set(chain.name, { ...chain, rules: [...chain.rules] });
    for (const set of this.sets.values()) copy.sets.set(set.definition.name, set.copy());
    copy.flowtables = new Map(this.flowtables);
    return copy;
  }

  /** How often each chain is named by rules and verdict elements. */
  chainUses(): Map<string, number> {
    const uses = new Map<string, number>();
    const count = (chain: string | undefined): void => {
      if (chain !== undefined) uses.set(chain, (uses.get(chain) ?? 0) + 1);
    };
    for (const { rules } of this.chains.values()) {
      for (const { references } of rules) for (const { chain } of references) count(chain);
    }
    for (const { definition, elements } of this.sets.values()) {
      if (definition.data === 'verdict') for (const { chain } of elements.values()) count(chain);
    }
    return uses;
  }

  /** Whether a rule looks into a set. */
  isLookedInto(set: string): boolean {
    return [...this.chains.values()].some(({ rules }) =>
      rules.some(({ references }) => references.some((reference) => reference.set === set)),
    );
  }
}

/** The inet tables of one network namespace. A transaction works on a copy, which takes the old one's place or goes. */
export class Ruleset {
  generation = 1;
  tables = new Map<string, FakeTable>();
  #handles = 0;

  /** Handles are never used twice, not even those of a transaction that failed. */
  newHandle(): number {
    return ++this.#handles;
  }

  copy(): Ruleset {
    const copy = new Ruleset();
    copy.generation = this.generation;
    copy.#handles = this.#handles;
    for (const table of this.tables.values()) copy.tables.set(table.name, table.copy());
    return copy;
  }

  /** What counts only once the transaction is through. */
  settle(): void {
    // The counter skips 0 when it wraps around.
    this.generation = (this.generation + 1) >>> 0 || 1;
    for (const table of this.tables.values()) {
      table.updating = false;
      table.chainsTouched = false;
      for (const set of table.sets.values()) {
        set.definition = set.next ?? set.definition;
        set.next = undefined;
      }
    }
  }
}
