import { CommitError, probeFeatures, Transaction } from '../../nftables/index.ts';
import type { Element, Features, NftablesSocket, SetDefinition } from '../../nftables/index.ts';
import { nothingWritten } from '../data-plane.ts';
import type { Written } from '../data-plane.ts';
import { tableComment } from './claim.ts';
import type { Standing } from './claim.ts';

/** How often a commit is tried again because others commit all the time. */
const attempts = 20;

/**
 * Writes to one table. Where the kernel does not keep others from changing it, every commit names the generation of the
 * ruleset that it builds on, so that no commit of somebody else goes unnoticed, not even one right before ours.
 */
export class TableSocket {
  readonly table: string;
  readonly socket: NftablesSocket;
  /** The ruleset's generation after what we know of; undefined before the first commit. */
  #generation: number | undefined;
  #foreign = false;
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
        await this.#noticeOthers();
      }
    }
  }

  /** All elements of a set, by the kernel's name. */
  elements(set: SetDefinition): Promise<Element[]> {
    return this.socket.elements(this.table, set);
  }

  /**
   * True if somebody else has committed in this namespace, perhaps to our table, since our first commit or the last
   * time this was asked.
   */
  async foreignCommits(): Promise<boolean> {
    // Nothing of ours is there yet.
    if (this.#generation === undefined) return false;
    await this.#noticeOthers();
    const foreign = this.#foreign;
    this.#foreign = false;
    return foreign;
  }

  async #noticeOthers(): Promise<void> {
    const { id } = await this.socket.generation();
    if (id !== this.#generation) this.#foreign = true;
    this.#generation = id;
  }
}
