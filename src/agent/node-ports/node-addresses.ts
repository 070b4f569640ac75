import { networkInterfaces } from 'node:os';
import { contains } from '../../ip/index.ts';
import { every } from '../../runtime/index.ts';
import type { Clock } from '../../runtime/index.ts';

/** Addresses by interface, as `os.networkInterfaces()` gives them. */
export type InterfaceAddresses = Readonly<Record<string, readonly { readonly address: string }[] | undefined>>;

const notForNodePorts = ['127.0.0.0/8', '::1/128', '169.254.0.0/16', 'fe80::/10'];

/** How often the machine's addresses are looked at for the listeners; the kernel's rules follow them by themselves. */
const lookMilliseconds = 2000;

/**
 * The addresses of this machine at which node ports are served: those within `ranges`, loopback and link-local ones
 * left out, sorted. `ranges` are CIDRs or single addresses, canonical, of either family.
 */
export function nodePortAddresses(ranges: readonly string[], interfaces: InterfaceAddresses): string[] {
  const found = new Set<string>();
  for (const addresses of Object.values(interfaces)) {
    for (const { address } of addresses ?? []) {
      if (contains(ranges, address) && !contains(notForNodePorts, address)) found.add(address);
    }
  }
  return [...found].sort();
}

/**
 * Follows the addresses at which node ports are served, for what the agent itself does with them: listening and
 * judging connections.
 */
export class NodeAddresses {
  readonly #changed: (addresses: readonly string[]) => void;
  readonly #cancel: () => void;
  #ranges: readonly string[] = [];
  #current: readonly string[] = [];

  constructor(o: { changed: (addresses: readonly string[]) => void; clock: Clock }) {
    this.#changed = o.changed;
    this.#cancel = every(o.clock, lookMilliseconds, () => this.#look());
  }

  get current(): readonly string[] {
    return this.#current;
  }

  /** The ranges within which node ports are served. Asking the kernel for its addresses costs more than a small change. */
  setRanges(ranges: readonly string[]): void {
    if (ranges.join() === this.#ranges.join()) return;
    this.#ranges = ranges;
    this.#look();
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const addresses = nodePortAddresses(this.#ranges, networkInterfaces());
    if (addresses.join() === this.#current.join()) return;
    this.#current = addresses;
    this.#changed(addresses);
  }
}
