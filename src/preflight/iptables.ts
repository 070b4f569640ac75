import { iptablesObstacle } from '../dataplane/index.ts';
import { blocking, passed } from './finding.ts';
import type { Finding } from './finding.ts';

const name = 'iptables';

/** Whether a node can do mode iptables: its programs, and what they and the kernel have. Never rejects. */
export async function iptablesFindings(o: { namespacePath?: string } = {}): Promise<Finding[]> {
  const obstacle = await iptablesObstacle(o);
  if (obstacle === undefined) return [passed(name, 'programs and kernel have all that mode iptables needs')];
  const todo = 'Install what is missing (iptables 1.8, kernel modules xt_*), or choose another mode.';
  return [blocking(name, obstacle, todo)];
}
