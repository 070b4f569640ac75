import { errno, errnoName } from './libc.ts';

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

/** What came is no message as the kernel writes them: something is cut off, or too short. Code EBADMSG. */
export class MalformedMessageError extends NetlinkError {
  override readonly name = 'MalformedMessageError';

  constructor(what: string) {
    super(`a malformed netlink message: ${what}`, errno.EBADMSG);
  }
}

/** Does something that the kernel may refuse with this error number. False if it does; other errors are thrown on. */
export function unless(number: number, task: () => void): boolean {
  try {
    task();
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === number) return false;
    throw error;
  }
}
