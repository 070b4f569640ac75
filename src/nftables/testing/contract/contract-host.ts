import { CommitError, Transaction } from '../../index.ts';
import type { NftablesSocket } from '../../index.ts';

/** A host of its own with nf_tables, empty: a network namespace of the kernel, or the fake. */
export interface ContractHost {
  /** A socket of one more program. */
  open(): NftablesSocket;
  /** Another program runs `nft flush ruleset`. */
  flushRuleset(): Promise<void>;
  /** What the story of packets needs: a UDP packet goes from 127.0.0.1 to port 9 of 127.0.0.1. */
  sendPacket(): Promise<void>;
}

export type OpenHost = () => Promise<ContractHost>;

/** A host with one program on it. */
export async function oneProgram(openHost: OpenHost): Promise<{ host: ContractHost; socket: NftablesSocket }> {
  const host = await openHost();
  return { host, socket: host.open() };
}

/** The error of a transaction that must be refused. */
export async function refusal(
  socket: NftablesSocket,
  transaction: Transaction,
  expectedGeneration?: number,
): Promise<CommitError> {
  const options = expectedGeneration === undefined ? {} : { expectedGeneration };
  const result = await socket.commit(transaction, options).catch((error: unknown) => error);
  if (!(result instanceof CommitError)) throw new Error('the transaction was not refused', { cause: result });
  return result;
}

/** The code of the error of a transaction that must be refused. */
export async function codeOf(socket: NftablesSocket, transaction: Transaction): Promise<string> {
  return (await refusal(socket, transaction)).code;
}

/** Changes of table `t`. */
export function change(): Transaction {
  return new Transaction('t');
}

/** `key` or `key : data` of all elements, sorted. */
export async function contents(
  socket: NftablesSocket,
  set: Parameters<NftablesSocket['elements']>[1],
): Promise<string[]> {
  const elements = await socket.elements('t', set);
  return elements.map(({ key, data }) => (data === undefined ? key : `${key} : ${data}`)).sort();
}
