import type { Family } from '../../../services/index.ts';
import type { DesiredPort, NodeSettings } from '../../data-plane.ts';
import { editsOf } from '../edits.ts';
import { FamilyRules } from '../family-rules.ts';

/** What `iptables-restore` would be given to write these Service ports of one family where nothing of ours is. */
export function restoreInput(family: Family, ports: readonly DesiredPort[], node: NodeSettings): string {
  const rules = new FamilyRules(family, node);
  for (const desired of ports) rules.put(desired.port.id, desired);
  return editsOf(new Map(), new Map(rules.takeTouched())).input;
}
