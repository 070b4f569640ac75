import type { Mode } from '../api/index.ts';
import type { Logger } from '../runtime/index.ts';
import type { DataPlane } from './data-plane.ts';
import { EngineDataPlane } from './engines/index.ts';
import { IptablesDataPlane } from './iptables/index.ts';
import { IpvsEngine } from './ipvs/index.ts';
import { NftablesDataPlane } from './nftables/index.ts';
import { haproxyDirectory } from '../haproxy/index.ts';
import { Proxy, UserspaceDataPlane } from './userspace/index.ts';

/**
 * Opens the data plane of each mode, by the mode's name: the same function for modes that one data plane serves. Opening
 * touches nothing in the kernel.
 */
export type DataPlaneFactories = Readonly<Record<string, () => DataPlane>>;

/**
 * Every mode that a ProxyConfig may name.
 *
 * @param o.namespacePath network namespace to work in, e.g. `/run/netns/n1`; the current one if left out.
 * @param o.haproxyDirectory that is shared with HAProxy; `/run/nftproxy/haproxy` unless told
 * @param o.sysctlDirectory where the node's sysctls can be written; `/proc/sys` unless told
 */
export function dataPlaneFactories(o: {
  log: Logger;
  namespacePath?: string;
  sysctlDirectory?: string;
  haproxyDirectory?: string;
}): DataPlaneFactories {
  const open = (): DataPlane => {
    const table = NftablesDataPlane.open(o);
    const below = new EngineDataPlane({ table, engine: IpvsEngine.open(o), log: o.log });
    const proxy = new Proxy({ ...o, directory: o.haproxyDirectory ?? haproxyDirectory });
    return new UserspaceDataPlane({ below, table, proxy, log: o.log });
  };
  const iptables = (): DataPlane => new IptablesDataPlane(o);
  const modes: Record<Mode, () => DataPlane> = { nftables: open, ipvs: open, userspace: open, iptables };
  return modes;
}
