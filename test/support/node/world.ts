import { linkAll } from '../link.ts';
import { Namespace } from '../namespace.ts';

/** Who is where in a {@link NodeWorld}, by IP family, and addresses for Services. */
export const addresses = {
  4: {
    localPod: '10.244.1.2',
    clientPod: '10.244.1.3',
    remotePod: '10.244.2.2',
    node: '172.30.0.1',
    outside: '172.31.0.2',
    clusterIP: '10.96.0.10',
    loadBalancerIP: '192.0.2.10',
    externalIP: '192.0.2.20',
    podCIDR: '10.244.0.0/16',
    serviceCIDR: '10.96.0.0/16',
  },
  6: {
    localPod: 'fd00:10:244:1::2',
    clientPod: 'fd00:10:244:1:1::3',
    remotePod: 'fd00:10:244:2::2',
    node: 'fd00:172:30::1',
    outside: 'fd00:172:31::2',
    clusterIP: 'fd00:10:96::10',
    loadBalancerIP: '2001:db8::10',
    externalIP: '2001:db8::20',
    podCIDR: 'fd00:10:244::/48',
    serviceCIDR: 'fd00:10:96::/112',
  },
} as const;

/** Pods behind the node, by family. */
export const nodePodCIDRs = ['10.244.1.0/24', 'fd00:10:244:1::/64'] as const;

/** Where a client may stand. */
export type Where = 'clientPod' | 'localPod' | 'node' | 'outside';

const spaces = { node: { forwarding: true }, localPod: {}, clientPod: {}, remote: { forwarding: true }, outside: {} };

/**
 * A node with everything around it:
 *
 * ```
 *   local pod  10.244.1.2 ─┐                       ┌─ remote pod 10.244.2.2 (behind another node, 172.30.0.2)
 *   client pod 10.244.1.3 ─┤ node 172.30.0.1/.31.  │
 *                          └──────────────┬────────┴─ outside client 172.31.0.2
 * ```
 * IPv6 likewise in fd00:…; nothing runs anywhere, and the node's kernel has no table.
 */
export class NodeWorld implements AsyncDisposable {
  readonly #spaces: Readonly<Record<keyof typeof spaces, Namespace>>;

  private constructor(made: Readonly<Record<keyof typeof spaces, Namespace>>) {
    this.#spaces = made;
  }

  static async create(): Promise<NodeWorld> {
    const made = await Namespace.createAll(spaces);
    const { node, localPod, clientPod, remote, outside } = made;
    await linkAll([
      podLink(node, localPod, { device: 'veth-local', prefix: 'fd00:10:244:1', ...podOf('localPod') }),
      podLink(node, clientPod, { device: 'veth-client', prefix: 'fd00:10:244:1:1', ...podOf('clientPod') }),
      {
        a: node,
        b: remote,
        ends: {
          a: {
            interface: 'uplink',
            addresses: ['172.30.0.1/24', 'fd00:172:30::1/64'],
            routes: [
              { to: '10.244.2.0/24', via: '172.30.0.2' },
              { to: 'fd00:10:244:2::/64', via: 'fd00:172:30::2' },
              ...defaultRoutes('172.30.0.2', 'fd00:172:30::2'),
            ],
          },
          b: {
            addresses: ['172.30.0.2/24', 'fd00:172:30::2/64', '10.244.2.2/32', 'fd00:10:244:2::2/128'],
            routes: defaultRoutes('172.30.0.1', 'fd00:172:30::1'),
          },
        },
      },
      {
        a: node,
        b: outside,
        ends: {
          a: { interface: 'external', addresses: ['172.31.0.1/24', 'fd00:172:31::1/64'] },
          b: {
            addresses: ['172.31.0.2/24', 'fd00:172:31::2/64'],
            routes: defaultRoutes('172.31.0.1', 'fd00:172:31::1'),
          },
        },
      },
    ]);
    return new NodeWorld(made);
  }

  get node(): Namespace {
    return this.#spaces.node;
  }

  get localPod(): Namespace {
    return this.#spaces.localPod;
  }

  /** Where 10.244.2.2 is: behind another node, which it shares with the address. */
  get remotePod(): Namespace {
    return this.#spaces.remote;
  }

  /** Echo servers at port 8080, TCP and UDP, both families, on the local and the remote pod. */
  async startEndpoints(): Promise<void> {
    const listeners = (pod: 'localPod' | 'remotePod') =>
      ([4, 6] as const).flatMap((family) =>
        (['tcp', 'udp'] as const).map((protocol) => ({ protocol, address: addresses[family][pod], port: 8080 })),
      );
    const { localPod, remote } = this.#spaces;
    await Promise.all([localPod.serve(listeners('localPod')), remote.serve(listeners('remotePod'))]);
  }

  /** Where a client stands. */
  namespaceOf(where: Where): Namespace {
    return this.#spaces[where];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Object.values(this.#spaces).map((space) => space.destroy()));
  }
}

function defaultRoutes(...gateways: readonly string[]) {
  return gateways.map((via) => ({ to: 'default', via }));
}

function podOf(pod: 'localPod' | 'clientPod'): { ipv4: string; ipv6: string } {
  return { ipv4: addresses[4][pod], ipv6: addresses[6][pod] };
}

/** As CNI plugins make it: a link to the node alone, whose end has an address that no packet ever shows. */
function podLink(
  node: Namespace,
  pod: Namespace,
  { device, prefix, ipv4, ipv6 }: { device: string; prefix: string; ipv4: string; ipv6: string },
) {
  const gateway = '169.254.1.1';
  return {
    a: pod,
    b: node,
    ends: {
      a: {
        addresses: [`${ipv4}/32`, `${ipv6}/80`],
        routes: [{ to: gateway }, ...defaultRoutes(gateway, `${prefix}::1`)],
      },
      b: { interface: device, addresses: [`${gateway}/32`, `${prefix}::1/80`], routes: [{ to: ipv4 }] },
    },
  };
}
