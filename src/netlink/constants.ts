/** Numbers that every netlink protocol shares. Source: linux/netlink.h, kernel 6.18; each has the kernel's name beside it. */

/** The protocols that are spoken here: the last argument of socket(). */
export const netlinkProtocol = {
  route: 0, // NETLINK_ROUTE
  netfilter: 12, // NETLINK_NETFILTER
  generic: 16, // NETLINK_GENERIC
} as const;

/** nlmsghdr.nlmsg_type values that are not of a protocol. */
export const messageType = {
  error: 2, // NLMSG_ERROR
  done: 3, // NLMSG_DONE
} as const;

/** nlmsghdr.nlmsg_flags. The meaning of bits 8-11 depends on whether the message reads, creates or answers. */
export const flag = {
  request: 0x1, // NLM_F_REQUEST
  ack: 0x4, // NLM_F_ACK
  dumpInterrupted: 0x10, // NLM_F_DUMP_INTR
  dump: 0x300, // NLM_F_DUMP
  exclusive: 0x200, // NLM_F_EXCL
  create: 0x400, // NLM_F_CREATE
  append: 0x800, // NLM_F_APPEND
  /** On NLMSG_ERROR: only the header of the failing message is echoed. */
  capped: 0x100, // NLM_F_CAPPED
  /** On NLMSG_ERROR: attributes follow the (capped) header. */
  acknowledgementAttributes: 0x200, // NLM_F_ACK_TLVS
} as const;

/** Attributes of an extended acknowledgement. */
export const acknowledgementAttribute = {
  message: 1, // NLMSGERR_ATTR_MSG
  offset: 2, // NLMSGERR_ATTR_OFFS
} as const;

/** Bits of an attribute's type that are not its number. */
export const attributeFlag = {
  /** It holds attributes. */
  nested: 0x8000, // NLA_F_NESTED
  networkByteOrder: 0x4000, // NLA_F_NET_BYTEORDER
} as const;

/** Families of addresses, as rtnetlink and generic netlink have them. */
export const addressFamily = { 4: 2, 6: 10 } as const; // AF_INET, AF_INET6
