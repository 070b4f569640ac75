import { networkInterfaces } from 'node:os';
import { contains } from '../ip/index.ts';
import { addLocalRoute, deleteLocalRoute, inNamespace, NetlinkSocket } from '../netlink/index.ts';

/** rtm_protocol of our routes: no number that somebody else is known to use (iproute2's rt_protos). */
const owner = 110;

/** Ranges that engines take connections over in, made a host's own by a route each. */
export class LocalRanges {
  readonly #ranges: readonly string[];
  readonly #namespacePath: string | undefined;

  /** @param namespacePath network namespace of the host; the current one if left out */
  constructor(ranges: readonly string[], namespacePath: string | undefined) {
    this.#ranges = ranges;
    this.#namespacePath = namespacePath;
  }

  /** What keeps the ranges from being this host's, for people; undefined if nothing does. Changes nothing. */
  obstacle(who: string): string | undefined {
    const taken =
      this.#namespacePath === undefined ? this.#taken() : inNamespace(this.#namespacePath, () => this.#taken());
    return taken && `this host has the address ${taken}, and ${who} needs ${this.#ranges.join(' and ')}`;
  }

  make(): void {
    this.#withRoutes((socket) => {
      for (const range of this.#ranges) addLocalRoute(socket, { range, owner });
    });
  }

  /** Takes that back. @returns the ranges that were local */
  release(): readonly string[] {
    return this.#withRoutes((socket) => this.#ranges.filter((range) => deleteLocalRoute(socket, { range, owner })));
  }

  /** An address that an interface has in one of the ranges. */
  #taken(): string | undefined {
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);
    return addresses.find((address) => contains(this.#ranges, address));
  }

  #withRoutes<Result>(task: (socket: NetlinkSocket) => Result): Result {
    const socket = NetlinkSocket.open(
      'route',
      this.#namespacePath === undefined ? {} : { namespacePath: this.#namespacePath },
    );
    try {
      return task(socket);
    } finally {
      socket.close();
    }
  }
}
