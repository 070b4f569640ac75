import { errnoName, hostIsLittleEndian, lastErrno, libc, NetlinkError } from '../netlink/index.ts';

/*
 * Legacy iptables is no part of nf_tables: its tables are read as a whole by getsockopt, from any socket of the family,
 * with CAP_NET_ADMIN. Source: linux/netfilter_ipv4/ip_tables.h and linux/netfilter_ipv6/ip6_tables.h (same numbers).
 */
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const protocols = { 4: { domain: 2, level: 0 }, 6: { domain: 10, level: 41 } } as const;
const IPT_SO_GET_INFO = 64;
const IPT_SO_GET_ENTRIES = 65;
/** struct ipt_getinfo: name, hooks, entry points and underflows, number of entries, their size in bytes. */
const info = { length: 84, size: 80 } as const;
/** struct ipt_get_entries: name and size before the entries, which begin at a multiple of eight. */
const entries = { size: 32, offset: 40 } as const;

/**
 * Whether a table of legacy iptables, which must be in use, has a chain of which `isOurs(table, chain)` holds. The name
 * of a chain is text in the first of its entries. Throws NetlinkError when the kernel does not tell.
 */
export function legacyTableHas(
  family: 4 | 6,
  table: string,
  isOurs: (table: string, chain: string) => boolean,
): boolean {
  const { domain, level } = protocols[family];
  const socket = libc.socket(domain, SOCK_DGRAM_CLOEXEC, 0);
  if (socket === -1) throw failure(table);
  try {
    const ask = (option: number, value: Uint8Array): DataView => {
      const length = new Uint8Array(new Uint32Array([value.length]).buffer);
      value.set(Buffer.from(table, 'latin1'));
      if (libc.getsockopt(socket, level, option, value, length) === -1) throw failure(table);
      return new DataView(value.buffer);
    };
    const size = ask(IPT_SO_GET_INFO, new Uint8Array(info.length)).getUint32(info.size, hostIsLittleEndian);
    const blob = new Uint8Array(entries.offset + size);
    new DataView(blob.buffer).setUint32(entries.size, size, hostIsLittleEndian);
    ask(IPT_SO_GET_ENTRIES, blob);
    const names = Buffer.from(blob.buffer)
      .toString('latin1')
      .matchAll(/KUBE-[A-Z0-9-]+/g);
    return [...names].some(([name]) => isOurs(table, name));
  } finally {
    libc.close(socket);
  }
}

function failure(table: string): NetlinkError {
  const number = lastErrno();
  return new NetlinkError(`reading the table ${table} of legacy iptables: ${errnoName(number)}`, number);
}
