import { NetlinkError } from './error.ts';
import { errnoName, lastErrno, libc } from './libc.ts';

/** fcntl.h, sched.h */
const O_RDONLY_CLOEXEC = 0o2000000;
const CLONE_NEWNET = 0x40000000;

/**
 * Calls `create` with the calling thread in another network namespace, and brings the thread back. Synchronous, so
 * nothing else of the process runs in between. Needs CAP_SYS_ADMIN. Throws NetlinkError.
 */
export function inNamespace<Result>(path: string, create: () => Result): Result {
  const home = openPath('/proc/thread-self/ns/net');
  try {
    const target = openPath(path);
    try {
      if (libc.setns(target, CLONE_NEWNET) === -1) throw pathError('enter the network namespace', path);
    } finally {
      libc.close(target);
    }
    try {
      return create();
    } finally {
      // A thread stranded in the wrong namespace would program the wrong host: better none at all.
      if (libc.setns(home, CLONE_NEWNET) === -1) process.abort();
    }
  } finally {
    libc.close(home);
  }
}

function openPath(path: string): number {
  const descriptor = libc.open(path, O_RDONLY_CLOEXEC);
  if (descriptor === -1) throw pathError('open', path);
  return descriptor;
}

function pathError(what: string, path: string): NetlinkError {
  const number = lastErrno();
  return new NetlinkError(`cannot ${what} ${path}: ${errnoName(number)}`, number);
}
