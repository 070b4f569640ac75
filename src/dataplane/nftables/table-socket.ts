import { CommitError, probeFeatures, Transaction } from '../../nftables/index.ts';
import type {
  Element,
  Features,
  ForeignChange,
  ForeignChanges,
  NftablesSocket,
  SetDefinition,
} from '../../nftables/index.ts';
import { nothingWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { tableComment } from './claim.ts';
import type { Standing } from './claim.ts';

/** How often a commit is tried again because others commit all the time. */
const attempts = 20;

/**
 * Writes to one table. Where the kernel does not keep others from changing it, what they commit is heard, and every
 * commit of ours names the generation of the ruleset that it builds on.
 */
export class TableSocket {
  readonly table: string;
  readonly socket: NftablesSocket;
  /** The ruleset's generation after what we know of; undefined before the first commit. */
  #generation: number | undefined;
  #others: ForeignChanges | undefined;
  #features: Features | undefined;
  /** The table was made without an owner, and cannot get one. */
  #unownable = false;
  #commits = 0;

  constructor(socket: NftablesSocket, table: string) {
    this.socket = socket;
    this.table = table;
  }

  /** What this kernel can do; tried out once. */
  async features(): Promise<Features> {
    return (this.#features ??= await probeFeatures(this.socket));
  }

  /** Whether the kernel keeps other programs from changing the table (owner and persist flags, kernel 6.9). */
  get owned(): boolean {
    return this.#ownersKnown && !this.#unownable;
  }

  get #ownersKnown(): boolean {
    return this.#features?.owner === true && this.#features.persist;
  }

  /** Says what is there before it is claimed. True if the kernel knows owners, but this table can have none. */
  settleOwnership(standing: Standing): boolean {
    this.#unownable = this.#ownersKnown && standing === 'ours without an owner';
    return this.#unownable;
  }

  /** Hears of what others do from now on, where the kernel does not keep them from it. */
  watchOthers(): void {
    if (this.owned) this.close();
    else this.#others ??= this.socket.foreignChanges(this.table);
  }

  /** What others have changed in the table since the last call. */
  foreignChanges(): Iterable<ForeignChange | 'lost'> {
    return this.#others?.read() ?? [];
  }

  /** Hears of nothing any more. */
  close(): void {
    this.#others?.close();
    this.#others = undefined;
  }

  /** How many commits were made here. */
  get commits(): number {
    return this.#commits;
  }

  /** A transaction in which names are the kernel's own. */
  transaction(): Transaction {
    return new Transaction(this.table);
  }

  /** A transaction that makes the table, or takes over one that an agent left behind. */
  claim(): Transaction {
    const tx = this.transaction();
    tx.addTable({ owner: this.owned, persist: this.owned, comment: tableComment });
    return tx;
  }

  /** Sends the transaction; one without operations is not sent. @throws CommitError */
  async commit(tx: Transaction): Promise<Written> {
    if (tx.operations === 0) return nothingWritten;
    for (let attempt = 1; ; attempt++) {
      // An owned table needs no such care, and would be held up by everybody else's commits.
      const expected = this.owned ? undefined : this.#generation;
      try {
        const options = expected === undefined ? {} : { expectedGeneration: expected };
        const { generation, elements, milliseconds } = await this.socket.commit(tx, options);
        this.#generation = generation;
        this.#commits++;
        return { transactions: 1, elements, milliseconds };
      } catch (error) {
        const overtaken = expected !== undefined && error instanceof CommitError && error.code === 'ERESTART';
        if (!overtaken || attempt === attempts) throw error;
        this.#generation = (await this.socket.generation()).id;
      }
    }
  }

  /** All elements of a set, by the kernel's name. */
  elements(set: SetDefinition): Promise<Element[]> {
    return this.socket.elements(this.table, set);
  }

  /** Whether a set has more than so many elements, by the kernel's name. */
  hasMoreElements(set: SetDefinition, than: number): Promise<boolean> {
    return this.socket.hasMoreElements(this.table, set, than);
  }

  /** Elements by key, by the kernel's name of the set; undefined for those that are not there. */
  elementsByKey(set: SetDefinition, keys: readonly Pick<Element, 'key'>[]): Promise<(Element | undefined)[]> {
    return this.socket.elementsByKey(this.table, set, keys);
  }
}
