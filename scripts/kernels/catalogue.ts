/** A kernel that tests can be run on: the newest of its line that Debian has for virtual machines. */
export interface Kernel {
  /** What people call it on the command line. */
  readonly name: string;
  /** Debian's release that has it. */
  readonly suite: string;
}

/** From near the least that the README asks for to the newest there is. */
export const kernels: readonly Kernel[] = [
  { name: '5.10', suite: 'bullseye' },
  { name: '6.1', suite: 'bookworm' },
  { name: '6.12', suite: 'trixie' },
  { name: 'newest', suite: 'sid' },
];
