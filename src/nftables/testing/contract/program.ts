import { CommitError, Transaction } from '../../index.ts';
import type { Culprit, NftablesSocket, SetDefinition } from '../../index.ts';
import type { Step } from './random-transactions.ts';

/** What became of a step. */
export type Outcome =
  | { readonly generations: number; readonly elements: number }
  | { readonly code: string; readonly culprits: readonly Culprit[] };

/** Two programs of one host, which do what they are told. */
export class Programs {
  readonly #open: () => NftablesSocket;
  readonly #sockets: [NftablesSocket, NftablesSocket];

  constructor(open: () => NftablesSocket) {
    this.#open = open;
    this.#sockets = [open(), open()];
  }

  /** Whatever the kernel refuses is an outcome, too. */
  async do(step: Step): Promise<Outcome> {
    const socket = this.#sockets[step.by];
    const { id } = await socket.generation();
    if ('restarts' in step) {
      socket.close();
      this.#sockets[step.by] = this.#open();
      return { generations: (await this.#sockets[step.by].generation()).id - id, elements: 0 };
    }
    const transaction = new Transaction(step.table);
    for (const { add } of step.operations) add(transaction);
    const expected = { current: id, another: id + 1 };
    const options = step.expects === undefined ? {} : { expectedGeneration: expected[step.expects] };
    try {
      const { generation, elements } = await socket.commit(transaction, options);
      return { generations: generation - id, elements };
    } catch (error) {
      if (error instanceof CommitError) return { code: error.code, culprits: error.culprits };
      throw error;
    }
  }

  /** All that is there, without handles and in an order that the kernel does not choose. */
  async state(): Promise<unknown> {
    const [socket] = this.#sockets;
    const tables = await socket.tables();
    return Promise.all(
      tables.map(async ({ name, flags, comment, ownerPortId }) => ({
        name,
        flags,
        comment,
        owner: this.#sockets.findIndex(({ portId }) => portId === ownerPortId),
        chains: (await socket.chains(name)).map((chain) => ({ ...chain, handle: 0 })),
        rules: (await socket.rules(name)).map((rule) => ({ ...rule, handle: 0 })),
        sets: await Promise.all(
          (await socket.sets(name)).flatMap(({ definition }) =>
            definition ? [contentOf(socket, name, definition)] : [],
          ),
        ),
      })),
    );
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}

async function contentOf(socket: NftablesSocket, table: string, set: SetDefinition): Promise<unknown> {
  const elements = await socket.elements(table, set);
  // Of a time to live some has passed.
  const texts = elements.map(({ key, data, timeoutSeconds, packets }) =>
    [key, data, timeoutSeconds, packets].join(' '),
  );
  return { set, elements: texts.sort() };
}
