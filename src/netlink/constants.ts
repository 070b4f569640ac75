/**
 * Numbers that every netlink protocol shares, and those of nfnetlink messages. Source: linux/netlink.h,
 * linux/netfilter/nfnetlink.h and linux/netfilter.h, kernel 6.18.
 */

/** nlmsghdr.nlmsg_type values that are not of a subsystem. */
export const messageType = { error: 2, done: 3, batchBegin: 0x10, batchEnd: 0x11 } as const;

/** nlmsghdr.nlmsg_flags. The meaning of bits 8-10 depends on whether the message reads, creates or answers. */
export const flag = {
  request: 0x1,
  ack: 0x4,
  echo: 0x8,
  dumpInterrupted: 0x10,
  dump: 0x300,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  /** On NLMSG_ERROR: attributes follow the (capped) header. */
  acknowledgementAttributes: 0x200,
  /** On NLMSG_ERROR: only the header of the failing message is echoed. */
  capped: 0x100,
} as const;

export const subsystem = { conntrack: 1, nftables: 10 } as const;

/** nfgenmsg.nfgen_family: NFPROTO_*. */
export const protocolFamily = { unspecified: 0, inet: 1, ipv4: 2, arp: 3, netdev: 5, bridge: 7, ipv6: 10 } as const;

/** Set in an attribute's type when it holds attributes. */
export const nested = 0x8000;

/** Attributes of an extended acknowledgement. */
export const acknowledgementAttribute = { message: 1, offset: 2 } as const;
