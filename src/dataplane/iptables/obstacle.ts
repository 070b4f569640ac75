import { describeError } from '../../runtime/index.ts';
import { KernelTables } from './kernel-tables.ts';

/** What keeps a node from mode iptables, for people; undefined if nothing does. Writes no rule. Never rejects. */
export async function iptablesObstacle(o: { namespacePath?: string } = {}): Promise<string | undefined> {
  try {
    await new KernelTables(o).probe();
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}
