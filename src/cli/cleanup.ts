import { parseArgs } from 'node:util';
import { claimTable } from '../dataplane/index.ts';
import { NftablesSocket, Transaction } from '../nftables/index.ts';

const usage = `Usage: nftproxy cleanup

Removes the table inet nftproxy, and with it all Service forwarding, from this node. Connections that are already
translated go on. Never touches any other table. Stop the agent first: while it runs, the table is its own.
`;

/** `nftproxy cleanup`: what stopping an agent never does. */
export async function cleanup(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help === true) {
    process.stdout.write(usage);
    return 0;
  }
  const socket = NftablesSocket.open();
  try {
    const { exists, features } = await claimTable(socket, 'nftproxy');
    if (!exists) {
      process.stdout.write('nothing to remove: there is no table inet nftproxy\n');
      return 0;
    }
    const tx = new Transaction('nftproxy');
    if (features.owner && features.persist) tx.addTable({ owner: true, persist: true });
    tx.deleteTable();
    await socket.commit(tx);
    process.stdout.write('removed table inet nftproxy\n');
    return 0;
  } finally {
    socket.close();
  }
}
