/**
 * Numbers of nf_tables' messages and objects; those of expressions are beside the expressions. Source:
 * linux/netfilter/nf_tables.h and (hooks) linux/netfilter.h, kernel 6.18; each number has the kernel's name beside it.
 */

/** The low byte of nlmsghdr.nlmsg_type. */
export const nftMessage = {
  newTable: 0, // NFT_MSG_NEWTABLE
  getTable: 1, // NFT_MSG_GETTABLE
  deleteTable: 2, // NFT_MSG_DELTABLE
  newChain: 3, // NFT_MSG_NEWCHAIN
  getChain: 4, // NFT_MSG_GETCHAIN
  deleteChain: 5, // NFT_MSG_DELCHAIN
  newRule: 6, // NFT_MSG_NEWRULE
  getRule: 7, // NFT_MSG_GETRULE
  deleteRule: 8, // NFT_MSG_DELRULE
  newSet: 9, // NFT_MSG_NEWSET
  getSet: 10, // NFT_MSG_GETSET
  deleteSet: 11, // NFT_MSG_DELSET
  newElements: 12, // NFT_MSG_NEWSETELEM
  getElements: 13, // NFT_MSG_GETSETELEM
  deleteElements: 14, // NFT_MSG_DELSETELEM
  newGeneration: 15, // NFT_MSG_NEWGEN
  getGeneration: 16, // NFT_MSG_GETGEN
  newFlowtable: 22, // NFT_MSG_NEWFLOWTABLE
  getFlowtable: 23, // NFT_MSG_GETFLOWTABLE
  deleteFlowtable: 24, // NFT_MSG_DELFLOWTABLE
  destroyTable: 26, // NFT_MSG_DESTROYTABLE
} as const;

/** NFTA_CHAIN_POLICY of a base chain that drops what none of its rules has decided. */
export const dropPolicy = 0; // NF_DROP

/** The attribute that every item of a list is. */
export const listElement = 1; // NFTA_LIST_ELEM

export const tableAttribute = {
  name: 1, // NFTA_TABLE_NAME
  flags: 2, // NFTA_TABLE_FLAGS
  userData: 6, // NFTA_TABLE_USERDATA
  owner: 7, // NFTA_TABLE_OWNER
} as const;

export const tableFlag = {
  dormant: 1, // NFT_TABLE_F_DORMANT
  owner: 2, // NFT_TABLE_F_OWNER
  persist: 4, // NFT_TABLE_F_PERSIST
} as const;

export const chainAttribute = {
  table: 1, // NFTA_CHAIN_TABLE
  handle: 2, // NFTA_CHAIN_HANDLE
  name: 3, // NFTA_CHAIN_NAME
  hook: 4, // NFTA_CHAIN_HOOK
  policy: 5, // NFTA_CHAIN_POLICY
  use: 6, // NFTA_CHAIN_USE
  type: 7, // NFTA_CHAIN_TYPE
  userData: 12, // NFTA_CHAIN_USERDATA
} as const;

export const hookAttribute = {
  number: 1, // NFTA_HOOK_HOOKNUM
  priority: 2, // NFTA_HOOK_PRIORITY
} as const;

/** Hooks of the inet family. */
export const hookNumber = {
  prerouting: 0, // NF_INET_PRE_ROUTING
  input: 1, // NF_INET_LOCAL_IN
  forward: 2, // NF_INET_FORWARD
  output: 3, // NF_INET_LOCAL_OUT
  postrouting: 4, // NF_INET_POST_ROUTING
} as const;

export const ruleAttribute = {
  table: 1, // NFTA_RULE_TABLE
  chain: 2, // NFTA_RULE_CHAIN
  handle: 3, // NFTA_RULE_HANDLE
  expressions: 4, // NFTA_RULE_EXPRESSIONS
  userData: 7, // NFTA_RULE_USERDATA
} as const;

export const setAttribute = {
  table: 1, // NFTA_SET_TABLE
  name: 2, // NFTA_SET_NAME
  flags: 3, // NFTA_SET_FLAGS
  keyType: 4, // NFTA_SET_KEY_TYPE
  keyLength: 5, // NFTA_SET_KEY_LEN
  dataType: 6, // NFTA_SET_DATA_TYPE
  dataLength: 7, // NFTA_SET_DATA_LEN
  description: 9, // NFTA_SET_DESC
  id: 10, // NFTA_SET_ID
  gcInterval: 12, // NFTA_SET_GC_INTERVAL
  userData: 13, // NFTA_SET_USERDATA
  expression: 17, // NFTA_SET_EXPR
  expressions: 18, // NFTA_SET_EXPRESSIONS
  count: 20, // NFTA_SET_COUNT
} as const;

export const setDescriptionAttribute = {
  size: 1, // NFTA_SET_DESC_SIZE
  concatenation: 2, // NFTA_SET_DESC_CONCAT
} as const;

/** One field of a concatenation. */
export const setFieldAttribute = {
  length: 1, // NFTA_SET_FIELD_LEN
} as const;

export const setFlag = {
  anonymous: 0x1, // NFT_SET_ANONYMOUS
  constant: 0x2, // NFT_SET_CONSTANT
  interval: 0x4, // NFT_SET_INTERVAL
  map: 0x8, // NFT_SET_MAP
  timeout: 0x10, // NFT_SET_TIMEOUT
  evaluated: 0x20, // NFT_SET_EVAL
  object: 0x40, // NFT_SET_OBJECT
  concatenation: 0x80, // NFT_SET_CONCAT
} as const;

/** NFTA_SET_DATA_TYPE of a verdict map. */
export const verdictDataType = 0xffff_ff00; // NFT_DATA_VERDICT

export const elementListAttribute = {
  table: 1, // NFTA_SET_ELEM_LIST_TABLE
  set: 2, // NFTA_SET_ELEM_LIST_SET
  elements: 3, // NFTA_SET_ELEM_LIST_ELEMENTS
  setId: 4, // NFTA_SET_ELEM_LIST_SET_ID
} as const;

export const elementAttribute = {
  key: 1, // NFTA_SET_ELEM_KEY
  data: 2, // NFTA_SET_ELEM_DATA
  flags: 3, // NFTA_SET_ELEM_FLAGS
  timeout: 4, // NFTA_SET_ELEM_TIMEOUT
  expiration: 5, // NFTA_SET_ELEM_EXPIRATION
  expression: 7, // NFTA_SET_ELEM_EXPR
  keyEnd: 10, // NFTA_SET_ELEM_KEY_END
  expressions: 11, // NFTA_SET_ELEM_EXPRESSIONS
} as const;

export const elementFlag = {
  /** The first value after an interval. */
  intervalEnd: 1, // NFT_SET_ELEM_INTERVAL_END
  /** It stands for all keys that no other element has, and has none itself. */
  catchAll: 2, // NFT_SET_ELEM_CATCHALL
} as const;

export const flowtableAttribute = {
  table: 1, // NFTA_FLOWTABLE_TABLE
  name: 2, // NFTA_FLOWTABLE_NAME
  hook: 3, // NFTA_FLOWTABLE_HOOK
  flags: 7, // NFTA_FLOWTABLE_FLAGS
} as const;

export const flowtableHookAttribute = {
  number: 1, // NFTA_FLOWTABLE_HOOK_NUM
  priority: 2, // NFTA_FLOWTABLE_HOOK_PRIORITY
  devices: 3, // NFTA_FLOWTABLE_HOOK_DEVS
} as const;

export const flowtableFlag = {
  counter: 2, // NFT_FLOWTABLE_COUNTER
} as const;

export const deviceAttribute = {
  name: 1, // NFTA_DEVICE_NAME
} as const;

export const generationAttribute = {
  id: 1, // NFTA_GEN_ID
  processId: 2, // NFTA_GEN_PROC_PID
  processName: 3, // NFTA_GEN_PROC_NAME
} as const;
