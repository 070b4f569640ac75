import { errnoName, lastErrno, libc } from '../../src/netlink/index.ts';

const CLONE_NEWNET = 0x40000000;
const O_RDONLY_CLOEXEC = 0o2000000;

/** Where `ip netns` keeps namespaces. */
export const namespaceFolder = '/run/netns';

/**
 * Does something at once in the network namespace at `path` (`/run/netns/NAME`) and comes back before anything else can
 * run. What it makes there stays there: sockets, processes, threads. Needs root.
 * @param action must not be asynchronous: what it does later happens outside.
 */
export function inNamespace<Result>(path: string, action: () => Result): Result {
  const home = check('open', libc.open('/proc/thread-self/ns/net', O_RDONLY_CLOEXEC));
  try {
    const there = check(`open ${path}`, libc.open(path, O_RDONLY_CLOEXEC));
    try {
      check('setns', libc.setns(there, CLONE_NEWNET));
      return action();
    } finally {
      check('setns back', libc.setns(home, CLONE_NEWNET));
      libc.close(there);
    }
  } finally {
    libc.close(home);
  }
}

/** The result of a system call. @throws Error with the kernel's error code when it is negative. */
export function check(what: string, result: number): number {
  if (result < 0) throw new Error(`${what}: ${errnoName(lastErrno())}`);
  return result;
}
