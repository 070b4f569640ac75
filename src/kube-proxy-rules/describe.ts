import { ipvsInterface } from './ipvs/index.ts';
import type { FoundRules, FoundTable } from './kube-proxy-rules.ts';

/** For people: what of kube-proxy's is in the kernel, part by part; nothing if nothing is. */
export function describeFound({ tables, iptables, legacy, ipvs }: FoundRules): string[] {
  const chains = ({ family, table, chains: count }: FoundTable, variant = ''): string =>
    `${count} chains of ${variant}${family} ${table}`;
  return [
    ...tables.map((table) => `table ${table}`),
    ...iptables.map((found) => chains(found)),
    ...legacy.map((found) => chains(found, 'legacy ')),
    ...(ipvs ? [`interface ${ipvsInterface} with ${ipvs.virtualServers} virtual servers of IPVS`] : []),
  ];
}

/** Virtual servers of kube-proxy's IPVS, if they are all that is left: after a removal those that wait for connections. */
export function drainingServers({ tables, iptables, legacy, ipvs }: FoundRules): number {
  return tables.length + iptables.length + legacy.length === 0 ? (ipvs?.virtualServers ?? 0) : 0;
}
