/**
 * Numbers of the nfnetlink wire format. Source: linux/netlink.h, linux/netfilter/nfnetlink.h,
 * linux/netfilter/nf_tables.h and linux/netfilter/nfnetlink_conntrack.h, kernel 6.18.
 */

/** NFT_MSG_*, the low byte of nlmsg_type; the high byte is the subsystem. */
export const nft = {
  newTable: 0,
  getTable: 1,
  deleteTable: 2,
  newChain: 3,
  getChain: 4,
  deleteChain: 5,
  newRule: 6,
  getRule: 7,
  deleteRule: 8,
  newSet: 9,
  getSet: 10,
  deleteSet: 11,
  newElements: 12,
  getElements: 13,
  deleteElements: 14,
  newGeneration: 15,
  getGeneration: 16,
  destroyTable: 26,
} as const;

/** NFTA_LIST_ELEM, of every list. */
export const listElement = 1;

export const tableAttribute = { name: 1, flags: 2, use: 3, handle: 4, userData: 6, owner: 7 } as const;
export const tableFlag = { dormant: 1, owner: 2, persist: 4 } as const;

export const chainAttribute = {
  table: 1,
  handle: 2,
  name: 3,
  hook: 4,
  policy: 5,
  use: 6,
  type: 7,
  userData: 12,
} as const;
export const hookAttribute = { number: 1, priority: 2 } as const;
/** Hook numbers of the inet family: NF_INET_*. */
export const hookNumber = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

export const ruleAttribute = { table: 1, chain: 2, handle: 3, expressions: 4, userData: 7 } as const;

export const setAttribute = {
  table: 1,
  name: 2,
  flags: 3,
  keyType: 4,
  keyLength: 5,
  dataType: 6,
  dataLength: 7,
  description: 9,
  id: 10,
  timeout: 11,
  gcInterval: 12,
  userData: 13,
  handle: 16,
  expression: 17,
  expressions: 18,
} as const;
export const setDescription = { size: 1, concat: 2, fieldLength: 1 } as const;
export const setFlag = {
  anonymous: 0x1,
  constant: 0x2,
  interval: 0x4,
  map: 0x8,
  timeout: 0x10,
  evaluated: 0x20,
  concat: 0x80,
} as const;

export const elementListAttribute = { table: 1, set: 2, elements: 3, setId: 4 } as const;
export const elementAttribute = {
  key: 1,
  data: 2,
  flags: 3,
  timeout: 4,
  expiration: 5,
  expression: 7,
  keyEnd: 10,
  expressions: 11,
} as const;
/** NFT_SET_ELEM_INTERVAL_END: the first value after an interval. */
export const intervalEnd = 1;
export const dataAttribute = { value: 1, verdict: 2 } as const;
export const verdictAttribute = { code: 1, chain: 2 } as const;

export const expressionAttribute = { name: 1, data: 2 } as const;
export const counterAttribute = { bytes: 1, packets: 2 } as const;

export const generationAttribute = { id: 1, processId: 2, processName: 3 } as const;
/** NFNL_BATCH_GENID, an attribute of BATCH_BEGIN. */
export const batchGenerationId = 1;
