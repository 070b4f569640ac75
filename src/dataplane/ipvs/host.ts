import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { inNamespace } from '../../netlink/index.ts';
import { LocalRanges } from '../local-ranges.ts';

/** What IPVS needs of the host beside virtual servers. */
export interface EngineHost {
  /** Whether the kernel has IPVS loaded already: asking it would load it. */
  isLoaded(): boolean;
  /** What keeps the ranges from being local, for people; undefined if nothing does. Changes nothing. */
  obstacle(): string | undefined;
  /** Makes the ranges local and the settings right. Says what cannot be, and what to do; undefined if all is well. */
  prepare(): string | undefined;
  /** Takes the ranges away. @returns those that were there */
  release(): readonly string[];
}

/**
 * Settings of IPVS in a network namespace (docs.kernel.org/networking/ipvs-sysctl.html). The first one carries the whole
 * design: connections go on by conntrack alone once it has them.
 */
const settings = [
  { name: 'conntrack', value: 1, needed: true },
  // A client of UDP whose endpoint has left gets another one with its next packet.
  { name: 'expire_nodest_conn', value: 1, needed: true },
  // Rates, which nobody reads; kernels before 6.2 have no choice.
  { name: 'run_estimation', value: 0, needed: false },
] as const;

/** The host itself: a network namespace, whose sysctls are at `sysctlDirectory` where /proc/sys is read-only. */
export class KernelHost implements EngineHost {
  readonly #ranges: LocalRanges;
  readonly #namespacePath: string | undefined;
  readonly #sysctls: string;

  constructor(o: { ranges: readonly string[]; namespacePath?: string; sysctlDirectory?: string }) {
    this.#ranges = new LocalRanges(o.ranges, o.namespacePath);
    this.#namespacePath = o.namespacePath;
    this.#sysctls = `${o.sysctlDirectory ?? '/proc/sys'}/net/ipv4/vs`;
  }

  isLoaded(): boolean {
    return this.#inside(() => existsSync('/proc/thread-self/net/ip_vs'));
  }

  obstacle(): string | undefined {
    return this.#ranges.obstacle('IPVS');
  }

  prepare(): string | undefined {
    const obstacle = this.obstacle();
    if (obstacle !== undefined) return obstacle;
    this.#ranges.make();
    return this.#inside(() => this.#set());
  }

  release(): readonly string[] {
    return this.#ranges.release();
  }

  #set(): string | undefined {
    for (const { name, value, needed } of settings) {
      const path = `${this.#sysctls}/${name}`;
      try {
        if (readFileSync(path, 'utf8').trim() !== String(value)) writeFileSync(path, String(value));
      } catch (error) {
        if (!needed) continue;
        const byHand = `sysctl -w net.ipv4.vs.${name}=${value}`;
        return `cannot set net.ipv4.vs.${name} to ${value} (${String(error)}); by hand on the node: ${byHand}`;
      }
    }
    return undefined;
  }

  #inside<Result>(task: () => Result): Result {
    return this.#namespacePath === undefined ? task() : inNamespace(this.#namespacePath, task);
  }
}
