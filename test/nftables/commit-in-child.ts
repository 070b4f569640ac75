// Tries to make a table in the current network namespace and prints what became of it.
import { NftablesSocket, Transaction } from '../../src/nftables/index.ts';

const outcome = await NftablesSocket.open()
  .commit(new Transaction('t').addTable())
  .then(
    () => 'done',
    (error: unknown) => String(error),
  );
process.stdout.write(`${outcome}\n`);
