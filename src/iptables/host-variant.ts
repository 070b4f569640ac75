import type { Family } from '../ip/index.ts';
import type { Iptables, Variant } from './iptables.ts';
import type { SavedTables } from './saved.ts';

const families: readonly Family[] = [4, 6];
/** Chains that kubelet makes in table mangle, in the variant of the host's own programs (pkg/kubelet/kubelet_network_linux.go). */
const hints = ['KUBE-IPTABLES-HINT', 'KUBE-KUBELET-CANARY'];

/**
 * Which variant the host uses, as the image of kube-proxy finds out (kubernetes-sigs/iptables-wrappers): the one in which
 * kubelet has left its sign; else the one that has more rules; `nft` where there are none.
 */
export async function hostVariant(iptables: Iptables): Promise<Variant> {
  const nft = await Promise.all(families.map((family) => iptables.save({ variant: 'nft', family })));
  if (nft.some(isHinted)) return 'nft';
  const used = families.filter((family) => iptables.legacyTables(family).length > 0);
  const legacy = await Promise.all(used.map((family) => iptables.save({ variant: 'legacy', family })));
  if (legacy.some(isHinted)) return 'legacy';
  return ruleCount(legacy) > ruleCount(nft) ? 'legacy' : 'nft';
}

function isHinted(tables: SavedTables): boolean {
  return hints.some((chain) => tables.get('mangle')?.has(chain) === true);
}

function ruleCount(all: readonly SavedTables[]): number {
  const chains = all.flatMap((tables) => [...tables.values()].flatMap((table) => [...table.values()]));
  return chains.reduce((sum, rules) => sum + rules.length, 0);
}
