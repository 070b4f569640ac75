import { NetlinkError } from '../netlink/index.ts';

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
 * The kernel refused a batch: it changed nothing. Or the answer got lost (`stateUnknown`).
 */
export class CommitError extends NetlinkError {
  override readonly name: string = 'CommitError';
  /** Every message of the batch that the kernel complained of, in the order of the batch; `code` is the first one's. */
  readonly culprits: readonly Culprit[];
  /** True when the answer got lost: the batch may or may not have been applied. */
  readonly stateUnknown: boolean;

  constructor(
    message: string,
    errno: number,
    options: { culprits?: readonly Culprit[]; stateUnknown?: boolean; cause?: unknown } = {},
  ) {
    super(message, errno, options);
    this.culprits = options.culprits ?? [];
    this.stateUnknown = options.stateUnknown ?? false;
  }
}
