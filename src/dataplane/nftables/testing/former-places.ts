import { jump, Transaction } from '../../../nftables/index.ts';
import { turnedTo } from '../inventory.ts';
import type { NodeRig } from './node-rig.ts';
import { table } from './node-rig.ts';

/** The agent ends, and its table is as the version before left it, whose chains for new connections were at -100. */
export async function becomeFormer(rig: NodeRig): Promise<void> {
  rig.restart();
  const [generation = 0] = await rig.generations();
  const tx = new Transaction(table);
  for (const hook of ['prerouting', 'output'] as const) {
    tx.flushChain(`${hook}_first`).deleteChain(`${hook}_first`);
    tx.addChain({ name: hook, base: { type: 'nat', hook, priority: -100 } });
    tx.addRule({ chain: hook, statements: [jump(`services.${generation}`)], comment: turnedTo(generation) });
  }
  await rig.foreigner.commit(tx);
}
