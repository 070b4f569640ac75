import {
  ask,
  dump,
  netfilterAttributes,
  netfilterGroup,
  NetlinkError,
  NetlinkSocket,
  protocolFamily,
  RequestQueue,
} from '../netlink/index.ts';
import type { OpenTransport, Message, MessageWriter, NetlinkRequest, SocketOptions } from '../netlink/index.ts';
import { checkAnswers } from './commit.ts';
import { CommitError } from './commit-error.ts';
import { chainAttribute, flowtableAttribute, ruleAttribute, setAttribute, tableAttribute } from './constants.ts';
import { elementsByKey } from './element-requests.ts';
import { ForeignChanges } from './foreign-changes.ts';
import { hintFor } from './hints.ts';
import {
  decodeChain,
  decodeFlowtable,
  decodeRule,
  decodeSet,
  decodeTable,
  familyNumber,
  tableFamilyOf,
} from './objects/index.ts';
import type {
  ChainInfo,
  Element,
  Flowtable,
  RuleInfo,
  SetDefinition,
  SetInfo,
  TableFamily,
  TableInfo,
} from './objects/index.ts';
import { hasMoreElements, readElements } from './read-elements.ts';
import { currentGeneration, nftRequest } from './requests.ts';
import type { Generation } from './requests.ts';
import type { Transaction } from './transaction.ts';

/**
 * What nfnetlink says to a request for a subsystem that it has not (`nfnetlink_rcv_msg` in net/netfilter/nfnetlink.c). The
 * question for the generation has no attribute that could be wrong, and every nf_tables since 3.18 knows it.
 */
const unknownSubsystem = 'EINVAL';

/** How a commit went. */
export interface Commit {
  /**
   * The ruleset's generation after it; unchanged by a commit that changed nothing. Without an expected generation
   * a commit of somebody else right after this one is included.
   */
  readonly generation: number;
  /** Elements added and deleted. */
  readonly elements: number;
  /** Spent in the kernel, waiting for other writers included. */
  readonly milliseconds: number;
}

/** A chain, and where it is. */
export interface ChainInTable extends ChainInfo {
  readonly table: string;
  readonly family: TableFamily;
}

/**
 * nf_tables of one network namespace, over one socket. Requests run one after the other in the order of the calls;
 * small commits synchronously, in microseconds. All methods reject with NetlinkError when the kernel refuses.
 */
export class NftablesSocket {
  readonly #socket: OpenTransport;
  readonly #queue = new RequestQueue();

  /** Takes a socket of the netfilter protocol that nobody else uses, or what stands in for one. */
  constructor(socket: OpenTransport) {
    this.#socket = socket;
  }

  /** Opens a socket, in the given network namespace if any (that needs CAP_SYS_ADMIN). Throws NetlinkError. */
  static open(options: SocketOptions = {}): NftablesSocket {
    return new NftablesSocket(NetlinkSocket.open('netfilter', options));
  }

  /** The netlink port: what `ownerPortId` says of tables that this socket owns. */
  get portId(): number {
    return this.#socket.portId;
  }

  /**
   * Applies a transaction, all of it or nothing. With `expectedGeneration` it is refused with ERESTART when anybody
   * has committed since that generation.
   *
   * Rejects with CommitError, which names the culprits of a refused transaction, or tells (`stateUnknown`) that the
   * answer got lost. Do not change the transaction before the promise settles.
   */
  commit(transaction: Transaction, options: { expectedGeneration?: number } = {}): Promise<Commit> {
    return this.#queue.run(() => {
      const start = performance.now();
      const sending = this.#send(transaction.batch.finish(options.expectedGeneration));
      const finish = (): Commit => {
        this.#check(transaction);
        const milliseconds = performance.now() - start;
        const generation = generationAfter(options.expectedGeneration, currentGeneration(this.#socket).id);
        return { generation, elements: transaction.elements, milliseconds };
      };
      return sending === undefined ? finish() : sending.then(finish);
    });
  }

  /**
   * Hears from now on what others than this socket commit to an inet table; close it in the end. The kernel then writes
   * a message for each element of each commit, this socket's too: some 1 microsecond.
   */
  foreignChanges(table: string): ForeignChanges {
    return new ForeignChanges(this.#socket.listen(netfilterGroup.nftables), table);
  }

  /**
   * Whether the kernel has nf_tables at all. One that has it not, and cannot load it, knows neither tables nor chains of
   * anybody, and refuses every other question here. Rejects with NetlinkError when the kernel does not tell.
   */
  async isSupported(): Promise<boolean> {
    try {
      await this.generation();
      return true;
    } catch (error) {
      if (error instanceof NetlinkError && error.code === unknownSubsystem) return false;
      throw error;
    }
  }

  /** The current generation. The kernel tells process id and name of whoever asks, not of whoever committed last. */
  generation(): Promise<Generation> {
    return this.#queue.run(() => currentGeneration(this.#socket));
  }

  /** All tables of the network namespace, of every family. */
  tables(): Promise<TableInfo[]> {
    const request = nftRequest('list tables', 'getTable', undefined, protocolFamily.unspecified);
    return this.#dump(request, decodeTable);
  }

  /** The chains of a table; none if there is no such table. */
  chains(table: string): Promise<ChainInfo[]> {
    // The kernel lists the chains of all tables here.
    return this.#dump(nftRequest('list chains', 'getChain'), (message) =>
      netfilterAttributes(message).get(chainAttribute.table)?.string() === table
        ? decodeChain(netfilterAttributes(message))
        : undefined,
    );
  }

  /** The chains of all tables, of every family. */
  allChains(): Promise<ChainInTable[]> {
    const request = nftRequest('list all chains', 'getChain', undefined, protocolFamily.unspecified);
    return this.#dump(request, (message) => {
      const attributes = netfilterAttributes(message);
      const table = attributes.get(chainAttribute.table)?.string() ?? '';
      return { ...decodeChain(attributes), table, family: tableFamilyOf(message) };
    });
  }

  /** The rules of a table of any family, in the order of evaluation within each chain. */
  rulesOf(family: TableFamily, table: string): Promise<RuleInfo[]> {
    const write = (writer: MessageWriter): void => {
      writer.string(ruleAttribute.table, table);
    };
    const request = nftRequest(`list rules of ${family} ${table}`, 'getRule', write, familyNumber[family]);
    return this.#dump(request, (message) => decodeRule(netfilterAttributes(message)));
  }

  /** The rules of a table or of one chain, in the order of evaluation. */
  rules(table: string, chain?: string): Promise<RuleInfo[]> {
    const request = nftRequest('list rules', 'getRule', (writer) => {
      writer.string(ruleAttribute.table, table);
      if (chain !== undefined) writer.string(ruleAttribute.chain, chain);
    });
    return this.#dump(request, (message) => decodeRule(netfilterAttributes(message)));
  }

  /** The named sets and maps of a table. */
  sets(table: string): Promise<SetInfo[]> {
    const request = nftRequest('list sets', 'getSet', (writer) => writer.string(setAttribute.table, table));
    return this.#dump(request, (message) => decodeSet(netfilterAttributes(message)));
  }

  /** The flowtables of a table, with the devices that they have now. */
  flowtables(table: string): Promise<Flowtable[]> {
    // The kernel lists those of all tables, whatever is asked for, where it knows no filter here.
    const write = (writer: MessageWriter): void => {
      writer.string(flowtableAttribute.table, table);
    };
    return this.#dump(nftRequest('list flowtables', 'getFlowtable', write), (message) => {
      const attributes = netfilterAttributes(message);
      return attributes.get(flowtableAttribute.table)?.string() === table ? decodeFlowtable(attributes) : undefined;
    });
  }

  /**
   * All elements of a set. Read again when somebody commits meanwhile, but not for ever: see `readElements` for what is
   * promised then. Quadratic in the kernel (1 s for 200,000), so not for the daily path. Interval sets come sorted.
   */
  elements(table: string, set: SetDefinition): Promise<Element[]> {
    return this.#queue.run(() => readElements(this.#socket, table, set));
  }

  /** Whether a set has more than so many elements: quick however many those are. */
  hasMoreElements(table: string, set: SetDefinition, than: number): Promise<boolean> {
    return this.#queue.run(() => hasMoreElements(this.#socket, { table, set, than }));
  }

  /**
   * The elements with these keys, in their order; undefined for each that is not there. Cheap: 20 microseconds each.
   * Not for interval sets of one field: TypeError.
   */
  elementsByKey(
    table: string,
    set: SetDefinition,
    keys: Iterable<Pick<Element, 'key'>>,
  ): Promise<(Element | undefined)[]> {
    return this.#queue.run(() => elementsByKey(this.#socket, table, set, [...keys]));
  }

  /** Closes the socket. Tables that it owns are deleted by the kernel, unless they are persistent. */
  close(): void {
    this.#socket.close();
  }

  #dump<Result>(request: NetlinkRequest, decode: (message: Message) => Result | undefined): Promise<Result[]> {
    return this.#queue.run(() =>
      dump(this.#socket, request, () => {
        const results: Result[] = [];
        return {
          use: (message) => {
            const result = decode(message);
            if (result !== undefined) results.push(result);
          },
          result: () => results,
        };
      }),
    );
  }

  #send(batch: Uint8Array): Promise<void> | undefined {
    try {
      return this.#socket.send(batch)?.catch(notSent);
    } catch (error) {
      return notSent(error);
    }
  }

  #check(transaction: Transaction): void {
    try {
      checkAnswers(this.#socket, transaction.batch);
    } catch (error) {
      throw error instanceof CommitError && error.code === 'EPERM' ? this.#explainDenial(transaction, error) : error;
    }
  }

  /** EPERM has two reasons: the kernel refuses the whole batch without CAP_NET_ADMIN, and changes of a foreign table. */
  #explainDenial(transaction: Transaction, error: CommitError): CommitError {
    const [culprit] = error.culprits;
    if (culprit === undefined) {
      const message = 'the batch was refused: EPERM (CAP_NET_ADMIN is missing in this network namespace)';
      return new CommitError(message, error.errno, { cause: error });
    }
    const owner = this.#ownerOf(transaction.table);
    const by = owner === undefined ? 'another process' : `the process with netlink port ${owner}`;
    const message = `${culprit.operation}: EPERM (table ${transaction.table} is owned by ${by})`;
    return new CommitError(message, error.errno, { culprits: error.culprits, cause: error });
  }

  #ownerOf(table: string): number | undefined {
    let owner: number | undefined;
    const request = nftRequest('get table', 'getTable', (writer) => writer.string(tableAttribute.name, table));
    ask(this.#socket, request, (message) => {
      owner = decodeTable(message).ownerPortId;
    });
    return owner;
  }
}

function notSent(error: unknown): never {
  if (!(error instanceof NetlinkError)) throw error;
  throw new CommitError(`${error.message}${hintFor(error.code)}`, error.errno, { cause: error });
}

/**
 * A commit that was made on the expected generation made the next one, whatever others committed before we could ask.
 * The counter skips 0 when it wraps around.
 */
function generationAfter(expected: number | undefined, current: number): number {
  if (expected === undefined || current === expected) return current;
  return (expected + 1) >>> 0 || 1;
}
