import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { inNamespace, NetlinkSocket } from '../../netlink/index.ts';
import type { OpenTransport } from '../../netlink/index.ts';

/** What it takes of a node to keep a fast path: its interfaces, and how long it remembers idle connections. */
export interface FastPathHost {
  /** Opens a socket of rtnetlink in the node's network namespace. */
  readonly openLinks: () => OpenTransport;
  /** Sees to it that idle connections live as long as without a fast path. Says for people why it cannot. */
  readonly keepIdle: () => string | undefined;
  /** What `keepIdle` would say; nothing is set. */
  readonly mayKeepIdle: () => string | undefined;
}

/**
 * What conntrack gives a TCP connection that comes back from the fast path, seconds: by itself in newer kernels
 * (nf_conntrack_tcp_timeout_unacknowledged), in others (from 5.14) the time for established ones less that of the fast path.
 */
const afterwardsSeconds = 300;

/**
 * How long idle connections stay in the fast path, so that they have conntrack's time for established ones in all.
 *
 * @param establishedSeconds nf_conntrack_tcp_timeout_established
 */
export function idleSecondsFor(establishedSeconds: number): number {
  return Math.max(establishedSeconds - afterwardsSeconds, Math.ceil(establishedSeconds / 2));
}

/** The host itself. @param o.sysctlDirectory where the node's sysctls can be written; `/proc/sys` unless told */
export function fastPathHost(o: { namespacePath?: string; sysctlDirectory?: string }): FastPathHost {
  const { namespacePath, sysctlDirectory = '/proc/sys' } = o;
  const inside = <Result>(task: () => Result): Result =>
    namespacePath === undefined ? task() : inNamespace(namespacePath, task);
  return {
    openLinks: () => NetlinkSocket.open('route', namespacePath === undefined ? {} : { namespacePath }),
    keepIdle: () => inside(() => keepIdle(`${sysctlDirectory}/net/netfilter`, writeFileSync)),
    mayKeepIdle: () =>
      inside(() => keepIdle(`${sysctlDirectory}/net/netfilter`, (path) => accessSync(path, constants.W_OK))),
  };
}

function keepIdle(directory: string, set: (path: string, value: string) => void): string | undefined {
  const path = `${directory}/nf_flowtable_tcp_timeout`;
  // Before 5.14 what leaves a flowtable is forgotten within two minutes, whatever conntrack is told.
  if (!existsSync(path)) return 'flowtables of this kernel forget idle connections within minutes (before 5.14)';
  const established = Number(readFileSync(`${directory}/nf_conntrack_tcp_timeout_established`, 'utf8'));
  const wanted = idleSecondsFor(established);
  try {
    if (Number(readFileSync(path, 'utf8')) !== wanted) set(path, String(wanted));
    return undefined;
  } catch (error) {
    const byHand = `sysctl -w net.netfilter.nf_flowtable_tcp_timeout=${wanted}`;
    return `idle connections would be forgotten: cannot set nf_flowtable_tcp_timeout (${String(error)}); by hand: ${byHand}`;
  }
}
