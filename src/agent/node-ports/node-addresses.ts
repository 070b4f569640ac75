import { BlockList, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Addresses by interface, as `os.networkInterfaces()` gives them. */
export type InterfaceAddresses = Readonly<Record<string, readonly { readonly address: string }[] | undefined>>;

/**
 * The addresses of this machine at which node ports are served: those within `ranges`, loopback and link-local ones
 * left out, sorted. `ranges` are CIDRs or single addresses, canonical, of either family. The kernel's rules follow
 * addresses by themselves; this is for what the agent does with them: listening and judging connections.
 */
export function nodePortAddresses(
  ranges: readonly string[],
  interfaces: InterfaceAddresses = networkInterfaces(),
): string[] {
  const wanted = blockList(ranges);
  const found = new Set<string>();
  for (const addresses of Object.values(interfaces)) {
    for (const { address } of addresses ?? []) {
      if (contains(wanted, address) && !contains(notForNodePorts, address)) found.add(address);
    }
  }
  return [...found].sort();
}

const notForNodePorts = blockList(['127.0.0.0/8', '::1/128', '169.254.0.0/16', 'fe80::/10']);

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    if (prefix === undefined) list.addAddress(address, type(address));
    else list.addSubnet(address, Number(prefix), type(address));
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, type(address));
}

function type(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
