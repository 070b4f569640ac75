import type { Mode } from '../api/index.ts';
import type { Logger } from '../runtime/index.ts';
import type { DataPlane } from './data-plane.ts';
import { NftablesDataPlane } from './nftables/index.ts';

/** Opens the data plane of each mode, by the mode's name. Opening touches nothing in the kernel. */
export type DataPlaneFactories = Readonly<Record<string, () => DataPlane>>;

/**
 * Every mode that a ProxyConfig may name.
 *
 * @param o.namespacePath network namespace to work in, e.g. `/run/netns/n1`; the current one if left out.
 */
export function dataPlaneFactories(o: { log: Logger; namespacePath?: string }): DataPlaneFactories {
  const modes: Record<Mode, () => DataPlane> = { nftables: () => NftablesDataPlane.open(o) };
  return modes;
}
