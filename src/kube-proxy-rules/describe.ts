import type { FoundRules } from './kube-proxy-rules.ts';
import { ipvsInterface } from './other-modes.ts';
import type { OtherModes } from './other-modes.ts';

/** For people: what of kube-proxy's is in the kernel, part by part; nothing if nothing is. */
export function describeFound(found: FoundRules): string[] {
  return [
    ...found.tables.map((table) => `table ${table}`),
    ...found.iptables.map(({ family, table, chains }) => `${chains} chains of ${family} ${table}`),
    ...describeLeft(found),
  ];
}

/** For people: what of kube-proxy's can be taken out only with the tools that made it. */
export function describeLeft({ legacyTables, ipvsInterface: there, virtualServers }: OtherModes): string[] {
  return [
    ...legacyTables.map((table) => `chains of the legacy iptables table ${table}`),
    ...(there ? [`interface ${ipvsInterface} and ${virtualServers} virtual servers of IPVS`] : []),
  ];
}

/** What to do about what {@link describeLeft} names. */
export const howToRemoveLeft = 'run "kube-proxy --cleanup" on the node (its image has the tools), or reboot the node';
