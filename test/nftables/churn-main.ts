import { workerData } from 'node:worker_threads';
import { NftablesSocket, Transaction } from '../../src/nftables/index.ts';
import type { SetDefinition } from '../../src/nftables/index.ts';

/** What a thread is told that adds elements to a set of table `t` and deletes them again, for ever. */
export interface Churn {
  readonly namespacePath: string;
  readonly set: SetDefinition;
  readonly keys: readonly string[];
  /** The longest rest between two commits. */
  readonly restMilliseconds: number;
}

const { namespacePath, set, keys, restMilliseconds } = workerData as Churn;
const socket = NftablesSocket.open({ namespacePath });
const clock = new Int32Array(new SharedArrayBuffer(4));
const rest = (): void => {
  if (restMilliseconds > 0) Atomics.wait(clock, 0, 0, restMilliseconds * Math.random());
};
for (;;) {
  const some = keys.slice(0, 1 + Math.floor(Math.random() * keys.length)).map((key) => ({ set: set.name, key }));
  await socket.commit(new Transaction('t').addElements(set, some));
  rest();
  await socket.commit(new Transaction('t').deleteElements(set, some));
  rest();
}
