/** A kernel that tests can be run on: the newest of its line that Debian has. */
export interface Kernel {
  /** What people call it on the command line. */
  readonly name: string;
  /** Debian's release that has it. */
  readonly suite: string;
  /**
   * Not one for virtual machines in an emulated one, but user-mode Linux, a process of this machine: as Debian has `packaged`
   * it, or `built` here of Debian's source with all that tests make use of. Some ten times faster.
   */
  readonly userMode?: 'packaged' | 'built';
  /** What else is on its command line. */
  readonly options?: readonly string[];
  /** It has no nf_tables: stories run in mode iptables unless told otherwise. */
  readonly withoutNftables?: true;
}

/** From near the least that the README asks for to the newest there is, and one on which only mode iptables can serve. */
export const kernels: readonly Kernel[] = [
  { name: '5.10', suite: 'bullseye' },
  { name: '6.1', suite: 'bookworm' },
  { name: '6.12', suite: 'trixie' },
  { name: 'newest', suite: 'sid' },
  // Takes as long to build as an emulated machine takes for its tests, once.
  { name: 'user-mode', suite: 'trixie', userMode: 'built' },
  // As on a host that never had the module: it cannot be loaded, and the kernel has nothing of it built in.
  {
    ...{ name: 'no-nf_tables', suite: 'bookworm', userMode: 'packaged' },
    ...{ options: ['module_blacklist=nf_tables'], withoutNftables: true },
  },
];
