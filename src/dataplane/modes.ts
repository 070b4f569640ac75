import type { Mode } from '../api/index.ts';
import type { Logger } from '../runtime/index.ts';
import type { DataPlane } from './data-plane.ts';
import { EngineDataPlane } from './engines/index.ts';
import { IpvsEngine } from './ipvs/index.ts';
import { NftablesDataPlane } from './nftables/index.ts';

/**
 * Opens the data plane of each mode, by the mode's name: the same function for modes that one data plane serves. Opening
 * touches nothing in the kernel.
 */
export type DataPlaneFactories = Readonly<Record<string, () => DataPlane>>;

/**
 * Every mode that a ProxyConfig may name.
 *
 * @param o.namespacePath network namespace to work in, e.g. `/run/netns/n1`; the current one if left out.
 * @param o.sysctlDirectory where the node's sysctls can be written; `/proc/sys` unless told
 */
export function dataPlaneFactories(o: {
  log: Logger;
  namespacePath?: string;
  sysctlDirectory?: string;
}): DataPlaneFactories {
  const open = (): DataPlane =>
    new EngineDataPlane({ table: NftablesDataPlane.open(o), engine: IpvsEngine.open(o), log: o.log });
  const modes: Record<Mode, () => DataPlane> = { nftables: open, ipvs: open };
  return modes;
}
