/**
 * Numbers of nf_tables' expressions and of what they hold. Source: linux/netfilter/nf_tables.h and, where it says so,
 * another header of kernel 6.18; each number has the kernel's name beside it.
 */

export const expressionAttribute = {
  name: 1, // NFTA_EXPR_NAME
  data: 2, // NFTA_EXPR_DATA
} as const;

/** A value or a verdict, wherever one is: in expressions and in elements. */
export const dataAttribute = {
  value: 1, // NFTA_DATA_VALUE
  verdict: 2, // NFTA_DATA_VERDICT
} as const;

export const verdictAttribute = {
  code: 1, // NFTA_VERDICT_CODE
  chain: 2, // NFTA_VERDICT_CHAIN
} as const;

/** The first two: linux/netfilter.h. */
export const verdictCode = {
  drop: 0, // NF_DROP
  accept: 1, // NF_ACCEPT
  continue: -1, // NFT_CONTINUE
  jump: -3, // NFT_JUMP
  goto: -4, // NFT_GOTO
  return: -5, // NFT_RETURN
} as const;

/** Registers: the verdict's, the first of four of 16 bytes, and the first of sixteen of 4 bytes over the same memory. */
export const registerNumber = {
  verdict: 0, // NFT_REG_VERDICT
  firstLong: 1, // NFT_REG_1
  firstWord: 8, // NFT_REG32_00
} as const;

/** `immediate` */
export const immediateAttribute = {
  destinationRegister: 1, // NFTA_IMMEDIATE_DREG
  data: 2, // NFTA_IMMEDIATE_DATA
} as const;

/** `meta` */
export const metaAttribute = {
  destinationRegister: 1, // NFTA_META_DREG
  key: 2, // NFTA_META_KEY
} as const;

export const metaKey = {
  iifname: 6, // NFT_META_IIFNAME
  nfproto: 15, // NFT_META_NFPROTO
  l4proto: 16, // NFT_META_L4PROTO
} as const;

/** `payload` */
export const payloadAttribute = {
  destinationRegister: 1, // NFTA_PAYLOAD_DREG
  base: 2, // NFTA_PAYLOAD_BASE
  offset: 3, // NFTA_PAYLOAD_OFFSET
  length: 4, // NFTA_PAYLOAD_LEN
} as const;

export const payloadBase = {
  network: 1, // NFT_PAYLOAD_NETWORK_HEADER
  transport: 2, // NFT_PAYLOAD_TRANSPORT_HEADER
} as const;

/** `ct` */
export const ctAttribute = {
  destinationRegister: 1, // NFTA_CT_DREG
  key: 2, // NFTA_CT_KEY
  direction: 3, // NFTA_CT_DIRECTION
} as const;

export const ctKey = {
  state: 0, // NFT_CT_STATE
  status: 2, // NFT_CT_STATUS
  protocolDestination: 12, // NFT_CT_PROTO_DST
  destinationIp: 20, // NFT_CT_DST_IP
  destinationIp6: 22, // NFT_CT_DST_IP6
} as const;

/** linux/netfilter/nf_conntrack_tuple_common.h */
export const ctDirection = {
  original: 0, // IP_CT_DIR_ORIGINAL
} as const;

/** linux/netfilter/nf_conntrack_common.h */
export const ctStateBit = {
  established: 0x2, // NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
  new: 0x8, // NF_CT_STATE_BIT(IP_CT_NEW)
} as const;

/** linux/netfilter/nf_conntrack_common.h */
export const ctStatusBit = {
  dnat: 0x20, // IPS_DST_NAT
} as const;

/** `cmp` */
export const compareAttribute = {
  sourceRegister: 1, // NFTA_CMP_SREG
  operator: 2, // NFTA_CMP_OP
  data: 3, // NFTA_CMP_DATA
} as const;

export const compareOperator = {
  '==': 0, // NFT_CMP_EQ
  '!=': 1, // NFT_CMP_NEQ
} as const;

/** `bitwise` */
export const bitwiseAttribute = {
  sourceRegister: 1, // NFTA_BITWISE_SREG
  destinationRegister: 2, // NFTA_BITWISE_DREG
  length: 3, // NFTA_BITWISE_LEN
  mask: 4, // NFTA_BITWISE_MASK
  xor: 5, // NFTA_BITWISE_XOR
  operation: 6, // NFTA_BITWISE_OP
} as const;

export const bitwiseOperation = {
  /** (register & mask) ^ xor */
  maskXor: 0, // NFT_BITWISE_MASK_XOR
} as const;

/** `lookup` */
export const lookupAttribute = {
  setName: 1, // NFTA_LOOKUP_SET
  sourceRegister: 2, // NFTA_LOOKUP_SREG
  destinationRegister: 3, // NFTA_LOOKUP_DREG
  setId: 4, // NFTA_LOOKUP_SET_ID
  flags: 5, // NFTA_LOOKUP_FLAGS
} as const;

export const lookupFlag = {
  invert: 1, // NFT_LOOKUP_F_INV
} as const;

/** `dynset` */
export const dynamicSetAttribute = {
  setName: 1, // NFTA_DYNSET_SET_NAME
  operation: 3, // NFTA_DYNSET_OP
  keyRegister: 4, // NFTA_DYNSET_SREG_KEY
  dataRegister: 5, // NFTA_DYNSET_SREG_DATA
  timeout: 6, // NFTA_DYNSET_TIMEOUT
} as const;

export const dynamicSetOperation = {
  update: 1, // NFT_DYNSET_OP_UPDATE
  delete: 2, // NFT_DYNSET_OP_DELETE
} as const;

/** `numgen` */
export const numgenAttribute = {
  destinationRegister: 1, // NFTA_NG_DREG
  modulus: 2, // NFTA_NG_MODULUS
  type: 3, // NFTA_NG_TYPE
  offset: 4, // NFTA_NG_OFFSET
} as const;

export const numgenType = {
  inc: 0, // NFT_NG_INCREMENTAL
  random: 1, // NFT_NG_RANDOM
} as const;

/** `hash` */
export const hashAttribute = {
  sourceRegister: 1, // NFTA_HASH_SREG
  destinationRegister: 2, // NFTA_HASH_DREG
  length: 3, // NFTA_HASH_LEN
  modulus: 4, // NFTA_HASH_MODULUS
  seed: 5, // NFTA_HASH_SEED
  type: 7, // NFTA_HASH_TYPE
} as const;

export const hashType = {
  jenkins: 0, // NFT_HASH_JENKINS
} as const;

/** `fib` */
export const fibAttribute = {
  destinationRegister: 1, // NFTA_FIB_DREG
  result: 2, // NFTA_FIB_RESULT
  flags: 3, // NFTA_FIB_FLAGS
} as const;

export const fibResult = {
  addressType: 3, // NFT_FIB_RESULT_ADDRTYPE
} as const;

export const fibFlag = {
  saddr: 1, // NFTA_FIB_F_SADDR
  daddr: 2, // NFTA_FIB_F_DADDR
} as const;

/** linux/rtnetlink.h */
export const routeType = {
  local: 2, // RTN_LOCAL
} as const;

/** `nat` */
export const natAttribute = {
  type: 1, // NFTA_NAT_TYPE
  family: 2, // NFTA_NAT_FAMILY
  minimumAddressRegister: 3, // NFTA_NAT_REG_ADDR_MIN
  maximumAddressRegister: 4, // NFTA_NAT_REG_ADDR_MAX
  minimumPortRegister: 5, // NFTA_NAT_REG_PROTO_MIN
  maximumPortRegister: 6, // NFTA_NAT_REG_PROTO_MAX
} as const;

export const natType = {
  destination: 1, // NFT_NAT_DNAT
} as const;

/** `masq` */
export const masqueradeAttribute = {
  flags: 1, // NFTA_MASQ_FLAGS
} as const;

/** linux/netfilter/nf_nat.h */
export const natRangeFlag = {
  fullyRandom: 0x10, // NF_NAT_RANGE_PROTO_RANDOM_FULLY
} as const;

/** `flow_offload` */
export const flowAttribute = {
  flowtable: 1, // NFTA_FLOW_TABLE_NAME
} as const;

/** `reject` */
export const rejectAttribute = {
  type: 1, // NFTA_REJECT_TYPE
  icmpCode: 2, // NFTA_REJECT_ICMP_CODE
} as const;

export const rejectType = {
  tcpReset: 1, // NFT_REJECT_TCP_RST
  icmpx: 2, // NFT_REJECT_ICMPX_UNREACH
} as const;

export const icmpxCode = {
  portUnreachable: 1, // NFT_REJECT_ICMPX_PORT_UNREACH
} as const;

/** `counter` */
export const counterAttribute = {
  bytes: 1, // NFTA_COUNTER_BYTES
  packets: 2, // NFTA_COUNTER_PACKETS
} as const;
