import { errnoName } from './libc.ts';

/** The kernel refused a request, or the socket failed. */
export class NetlinkError extends Error {
  override readonly name: string = 'NetlinkError';
  /** `EEXIST` */
  readonly code: string;
  /** The number of `code`, positive. */
  readonly errno: number;

  constructor(message: string, errno: number, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = errnoName(errno);
    this.errno = errno;
  }
}
