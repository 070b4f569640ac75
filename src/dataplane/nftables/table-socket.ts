import { probeFeatures, Transaction } from '../../nftables/index.ts';
import type { Element, Features, NftablesSocket, SetDefinition, TableOptions } from '../../nftables/index.ts';
import type { Written } from '../data-plane.ts';
import { tableComment } from './claim.ts';

/** Writes to one table and remembers the generation of the last commit, so that commits of others are noticed. */
export class TableSocket {
  readonly table: string;
  readonly socket: NftablesSocket;
  #generation = 0;
  #features: Features | undefined;

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
    return this.#features?.owner === true && this.#features.persist;
  }

  transaction(): Transaction {
    return new Transaction(this.table);
  }

  /** A transaction that makes the table, or takes over one that an agent left behind. */
  claim(): Transaction {
    const tx = this.transaction();
    tx.addTable(this.claimOptions);
    return tx;
  }

  /** How our table is made on this kernel. */
  get claimOptions(): TableOptions {
    return { owner: this.owned, persist: this.owned, comment: tableComment };
  }

  /** Sends the transaction; one without operations is not sent. @throws CommitError */
  async commit(tx: Transaction): Promise<Written> {
    if (tx.operations === 0) return { transactions: 0, elements: 0, milliseconds: 0 };
    const { generation, elements, milliseconds } = await this.socket.commit(tx);
    this.#generation = generation;
    return { transactions: 1, elements, milliseconds };
  }

  elements(set: SetDefinition): Promise<Element[]> {
    return this.socket.elements(this.table, set);
  }

  /** True if somebody else has committed in this namespace since our last commit or the last time this was asked. */
  async foreignCommits(): Promise<boolean> {
    // Nothing of ours is there yet.
    if (this.#generation === 0) return false;
    const { id } = await this.socket.generation();
    const foreign = id !== this.#generation;
    this.#generation = id;
    return foreign;
  }
}
