import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { contains } from '../../ip/index.ts';
import { addLocalRoute, deleteLocalRoute, inNamespace, NetlinkSocket } from '../../netlink/index.ts';

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

/** rtm_protocol of our routes: no number that somebody else is known to use (iproute2's rt_protos). */
const routeOwner = 110;

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
  readonly #ranges: readonly string[];
  readonly #namespacePath: string | undefined;
  readonly #sysctls: string;

  constructor(o: { ranges: readonly string[]; namespacePath?: string; sysctlDirectory?: string }) {
    this.#ranges = o.ranges;
    this.#namespacePath = o.namespacePath;
    this.#sysctls = `${o.sysctlDirectory ?? '/proc/sys'}/net/ipv4/vs`;
  }

  isLoaded(): boolean {
    return this.#inside(() => existsSync('/proc/thread-self/net/ip_vs'));
  }

  obstacle(): string | undefined {
    const taken = this.#inside(() => this.#addressInRange());
    return taken && `this host has the address ${taken}, and IPVS needs ${this.#ranges.join(' and ')}`;
  }

  prepare(): string | undefined {
    const obstacle = this.obstacle();
    if (obstacle !== undefined) return obstacle;
    this.#withRoutes((socket) => {
      for (const range of this.#ranges) addLocalRoute(socket, { range, owner: routeOwner });
    });
    return this.#inside(() => this.#set());
  }

  release(): readonly string[] {
    return this.#withRoutes((socket) =>
      this.#ranges.filter((range) => deleteLocalRoute(socket, { range, owner: routeOwner })),
    );
  }

  #addressInRange(): string | undefined {
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);
    return addresses.find((address) => contains(this.#ranges, address));
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

  #withRoutes<Result>(task: (socket: NetlinkSocket) => Result): Result {
    const path = this.#namespacePath;
    const socket = NetlinkSocket.open('route', path === undefined ? {} : { namespacePath: path });
    try {
      return task(socket);
    } finally {
      socket.close();
    }
  }

  #inside<Result>(task: () => Result): Result {
    return this.#namespacePath === undefined ? task() : inNamespace(this.#namespacePath, task);
  }
}
