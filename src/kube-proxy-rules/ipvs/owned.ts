import type { DestinationState, VirtualServer, VirtualServerName } from '../../ipvs/index.ts';
import type { InterfaceAddress } from '../../netlink/index.ts';

/** The interface that has every address at which kube-proxy serves, but the nodes' own: defaultDummyDevice of proxier.go. */
export const ipvsInterface = 'kube-ipvs0';

/**
 * The names of kube-proxy's sets: `KUBE-` or, for IPv6, `KUBE-6-` before one of these, cut off behind 31 characters.
 * Source: pkg/proxy/ipvs/ipset.go of kubernetes 1.36. In those of node ports is what tells kube-proxy's virtual servers at the
 * node's addresses from others'.
 */
const nodePortSets = { tcp: 'NODE-PORT-TCP', udp: 'NODE-PORT-UDP', sctp: 'NODE-PORT-SCTP-HASH' } as const;
const otherSets = [
  ...['LOOP-BACK', 'CLUSTER-IP', 'EXTERNAL-IP', 'EXTERNAL-IP-LOCAL', 'IPVS-IPS', 'HEALTH-CHECK-NODE-PORT'],
  ...['', '-LOCAL', '-FW', '-SOURCE-IP', '-SOURCE-CIDR'].map((end) => `LOAD-BALANCER${end}`),
  ...['TCP', 'UDP', 'SCTP-HASH'].map((protocol) => `NODE-PORT-LOCAL-${protocol}`),
];
const longestName = 31;
const named = (rest: string): string[] => ['KUBE-', 'KUBE-6-'].map((prefix) => (prefix + rest).slice(0, longestName));
const protocols = new Map(
  Object.entries(nodePortSets).flatMap(([protocol, rest]) => named(rest).map((name) => [name, protocol] as const)),
);
const names: ReadonlySet<string> = new Set([...otherSets.flatMap(named), ...protocols.keys()]);

/** Whether a set of ipset is kube-proxy's. */
export function isKubeProxySet(name: string): boolean {
  return names.has(name);
}

/** The protocol of the node ports that a set of kube-proxy's lists; undefined for all other sets. */
export function protocolOfNodePorts(name: string): string | undefined {
  return protocols.get(name);
}

/** What is on the host that tells whose virtual servers are whose. */
export interface Host {
  /** Number of {@link ipvsInterface}. */
  readonly interface: number;
  readonly addresses: readonly InterfaceAddress[];
  /** kube-proxy's, as `tcp 30080`. */
  readonly nodePorts: ReadonlySet<string>;
}

/** Those of kube-proxy: at its own addresses, and at the node's with the number of a node port. */
export function ownServers(servers: readonly VirtualServer[], host: Host): VirtualServer[] {
  const placeOf = new Map(host.addresses.map((each) => [each.address, each.interface]));
  return servers.filter(({ address, protocol, port }) => {
    const place = placeOf.get(address);
    // Elsewhere nobody has the address: virtual servers of nftproxy's own are at such.
    if (place === undefined) return false;
    return place === host.interface || host.nodePorts.has(`${protocol} ${port}`);
  });
}

/** Whether connections go through a virtual server that would end with it. */
export function isBusy(destinations: readonly DestinationState[]): boolean {
  return destinations.some(({ active }) => active > 0);
}

/** kube-proxy's addresses at which nothing is left to serve. */
export function idleAddresses(host: Host, staying: readonly VirtualServerName[]): InterfaceAddress[] {
  const used = new Set(staying.map(({ address }) => address));
  return host.addresses.filter(
    (each) => each.interface === host.interface && !used.has(each.address) && !isLinkLocal(each),
  );
}

/** The kernel's own, not kube-proxy's. */
function isLinkLocal({ family, address }: InterfaceAddress): boolean {
  return family === 6 && address.startsWith('fe80:');
}
