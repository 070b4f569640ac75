import { errnoName } from './libc.ts';

/** What of a batch the kernel refused. */
export interface Culprit {
  /** For people: `add elements to services4`. */
  readonly operation: string;
  readonly set?: string;
  readonly chain?: string;
  /** The element that was at fault, where the operation carried several. */
  readonly element?: { readonly set: string; readonly key: string; readonly data?: string };
  /** What the kernel said of this one: `EEXIST`. */
  readonly code: string;
}

/**
 * The kernel refused a request. A refused batch changed nothing, unless `stateUnknown`.
 */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** `EEXIST`, of the first culprit. */
  readonly code: string;
  readonly errno: number;
  /** Every message of the batch that the kernel complained of, in the order of the batch. */
  readonly culprits: readonly Culprit[];
  /** True when the answer got lost: the batch may or may not have been applied. */
  readonly stateUnknown: boolean;

  constructor(
    message: string,
    errno: number,
    options: { culprits?: readonly Culprit[]; stateUnknown?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = errnoName(errno);
    this.errno = errno;
    this.culprits = options.culprits ?? [];
    this.stateUnknown = options.stateUnknown ?? false;
  }
}

/** What the codes of nf_tables mean to the person who reads the log. Source: tried out on kernel 6.18. */
const hints: Readonly<Record<string, string>> = {
  EPERM: 'the table is owned by another process, or CAP_NET_ADMIN is missing',
  ENFILE: 'the set is full: raise its size',
  EEXIST: 'it is there already with other contents; delete it first, in the same transaction',
  ENOENT: 'it, or what it refers to, is not there',
  EBUSY: 'something still refers to it',
  EOPNOTSUPP: 'this kernel does not support it, or it cannot be changed',
  EINVAL: 'the kernel does not take it: a type, length or flag that it does not know',
  ERESTART: 'the ruleset is not of the expected generation: somebody else changed it',
  EMSGSIZE: 'the batch is larger than the send buffer of the socket',
  ENOMEM: 'no memory: elements count against the memory limit of the control group',
  ELOOP: 'chains lead to one another in a circle',
  EMLINK: 'too many chains lead to one another',
};

/** A hint for people, or an empty string. */
export function hintFor(code: string): string {
  const hint = hints[code];
  return hint === undefined ? '' : ` (${hint})`;
}
