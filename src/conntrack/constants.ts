/**
 * Numbers of connection tracking's messages. Source: linux/netfilter/nfnetlink_conntrack.h and, where it says so,
 * another header of kernel 6.18; each number has the kernel's name beside it.
 */

/** The low byte of nlmsghdr.nlmsg_type. */
export const conntrackMessage = {
  new: 0, // IPCTNL_MSG_CT_NEW
  get: 1, // IPCTNL_MSG_CT_GET
  delete: 2, // IPCTNL_MSG_CT_DELETE
  cpuStatistics: 4, // IPCTNL_MSG_CT_GET_STATS_CPU
  statistics: 5, // IPCTNL_MSG_CT_GET_STATS
} as const;

/** Of a message `statistics`. */
export const statisticsAttribute = {
  entries: 1, // CTA_STATS_GLOBAL_ENTRIES
  limit: 2, // CTA_STATS_GLOBAL_MAX_ENTRIES
} as const;

/** Of a message `cpuStatistics`, one for each processor. */
export const cpuStatisticsAttribute = {
  drop: 10, // CTA_STATS_DROP
  earlyDrop: 11, // CTA_STATS_EARLY_DROP
} as const;

export const conntrackAttribute = {
  original: 1, // CTA_TUPLE_ORIG
  reply: 2, // CTA_TUPLE_REPLY
  status: 3, // CTA_STATUS
  protocolInfo: 4, // CTA_PROTOINFO
  timeout: 7, // CTA_TIMEOUT
  id: 12, // CTA_ID
  zone: 18, // CTA_ZONE
  filter: 25, // CTA_FILTER
  statusMask: 26, // CTA_STATUS_MASK
} as const;

export const tupleAttribute = {
  ip: 1, // CTA_TUPLE_IP
  protocol: 2, // CTA_TUPLE_PROTO
  zone: 3, // CTA_TUPLE_ZONE: of one direction only
} as const;

export const filterAttribute = {
  originalFlags: 1, // CTA_FILTER_ORIG_FLAGS, in the host's byte order
} as const;

/** Which parts of a tuple have to agree; net/netfilter/nf_internals.h. */
export const filterFlag = {
  protocol: 1 << 3, // CTA_FILTER_F_CTA_PROTO_NUM
} as const;

export const ipAttribute = {
  source4: 1, // CTA_IP_V4_SRC
  destination4: 2, // CTA_IP_V4_DST
  source6: 3, // CTA_IP_V6_SRC
  destination6: 4, // CTA_IP_V6_DST
} as const;

export const protocolAttribute = {
  number: 1, // CTA_PROTO_NUM
  sourcePort: 2, // CTA_PROTO_SRC_PORT
  destinationPort: 3, // CTA_PROTO_DST_PORT
} as const;

export const protocolInfoAttribute = {
  tcp: 1, // CTA_PROTOINFO_TCP
} as const;

export const tcpInfoAttribute = {
  state: 1, // CTA_PROTOINFO_TCP_STATE
} as const;

/** linux/netfilter/nf_conntrack_common.h */
export const statusBit = {
  seenReply: 0x2, // IPS_SEEN_REPLY
  assured: 0x4, // IPS_ASSURED
  snat: 0x10, // IPS_SRC_NAT
  dnat: 0x20, // IPS_DST_NAT
} as const;

/** TCP_CONNTRACK_* in the order of their numbers, from 0. Source: linux/netfilter/nf_conntrack_tcp.h. */
export const tcpStates = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;
