import { createHash } from 'node:crypto';
import { Namespace } from '../support/index.ts';

/** One address per family. */
export interface DualStack {
  ipv4: string;
  ipv6: string;
}

/** A machine on the nodes' network. */
export interface NetworkMachine {
  space: Namespace;
  addresses: DualStack;
}

/** A namespace that stands for a node of the cluster. */
export interface NetworkNode extends NetworkMachine {
  /** Kubernetes name: `node-1`, `node-2` ... */
  name: string;
  podCidrs: DualStack;
}

/** A namespace that stands for a pod, linked to its node. */
export interface NetworkPod {
  space: Namespace;
  addresses: DualStack;
  /** The node's end of the link. */
  hostInterface: string;
}

/** Which last bytes of a node's pod addresses are in use. */
interface AddressPool {
  taken: Set<number>;
  last: number;
}

/** Pod addresses are numbers 2 to 251 of a node's CIDR; 1 is the node's own end. */
const podsPerNode = 250;

/**
 * The network of a cluster, out of network namespaces: a bridge that joins nodes, a control-plane machine and one
 * client outside the cluster; pods behind their nodes as point-to-point links (as the `ptp` CNI plugin makes them).
 * Nothing of it is reachable from the root namespace. See README.md for the picture.
 */
export class ClusterNetwork {
  readonly nodes: readonly NetworkNode[];
  /** The machine of the API server and the operator; the bridge lives here. */
  readonly controlPlane: NetworkMachine;
  /** A client outside the cluster: it has a route to the nodes' addresses only. */
  readonly outside: NetworkMachine;
  readonly #pods = new Map<string, NetworkPod>();
  readonly #addressPools = new Map<string, AddressPool>();

  private constructor(spaces: Readonly<Record<string, Namespace>>, nodeCount: number) {
    const machine = (label: string, number: number): NetworkMachine => ({
      space: spaces[label] as Namespace,
      addresses: { ipv4: `172.30.0.${number}`, ipv6: `fd00:172:30::${number}` },
    });
    this.controlPlane = machine('control-plane', 2);
    this.outside = machine('outside', 100);
    this.nodes = numbersTo(nodeCount).map((number) => ({
      ...machine(`node-${number}`, 10 + number),
      name: `node-${number}`,
      podCidrs: { ipv4: `10.244.${number}.0/24`, ipv6: `fd00:10:244:${number}::/64` },
    }));
  }

  /** Builds the network; removes everything again if building fails. */
  static async create(nodeCount: number): Promise<ClusterNetwork> {
    const nodes = numbersTo(nodeCount).map((number) => [`node-${number}`, { forwarding: true }] as const);
    const spaces = await Namespace.createAll({ 'control-plane': {}, outside: {}, ...Object.fromEntries(nodes) });
    const network = new ClusterNetwork(spaces, nodeCount);
    try {
      await network.#build();
    } catch (error) {
      await network.close();
      throw error;
    }
    return network;
  }

  get #machines(): readonly NetworkMachine[] {
    return [this.controlPlane, this.outside, ...this.nodes];
  }

  async #build(): Promise<void> {
    const { controlPlane, nodes } = this;
    const plugged = this.#machines.filter((machine) => machine !== controlPlane);
    await controlPlane.space.ip(
      'link add br0 type bridge',
      `address add ${controlPlane.addresses.ipv4}/24 dev br0`,
      `address add ${controlPlane.addresses.ipv6}/64 dev br0 nodad`,
      'link set br0 up',
      ...plugged.flatMap(({ space }) => [
        `link add ${space.label} type veth peer name eth0 netns ${space.name}`,
        `link set ${space.label} master br0 up`,
      ]),
      ...nodes.flatMap(routesToPodsOf),
    );
    await Promise.all(plugged.map((machine) => this.#plugIn(machine)));
  }

  /** Gives a machine addresses on its `eth0`, which is on the bridge; nodes also know the way to each other's pods. */
  async #plugIn({ space, addresses }: NetworkMachine): Promise<void> {
    const others = this.nodes.filter((node) => node.space !== space);
    const gateway = this.controlPlane.addresses;
    await space.ip(
      `address add ${addresses.ipv4}/24 dev eth0`,
      `address add ${addresses.ipv6}/64 dev eth0 nodad`,
      'link set eth0 up',
      // A node has a default route; without one the kernel would refuse a ClusterIP before any rule sees it.
      ...(space === this.outside.space
        ? []
        : [
            `route add default via ${gateway.ipv4}`,
            `route add ::/0 via ${gateway.ipv6}`,
            ...others.flatMap(routesToPodsOf),
          ]),
    );
  }

  /** The node of this name. @throws RangeError when there is none. */
  node(name: string): NetworkNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node === undefined)
      throw new RangeError(`no node ${name}; there are ${this.nodes.map((n) => n.name).join(', ')}`);
    return node;
  }

  /** Makes a pod's namespace on a node, with addresses of both families and a default route to the node. */
  async addPod(nodeName: string, podName: string): Promise<NetworkPod> {
    if (this.#pods.has(podName)) throw new Error(`pod ${podName} has a network already`);
    const node = this.node(nodeName);
    const number = this.#takeAddress(nodeName);
    const pod: NetworkPod = {
      space: await Namespace.create(`pod-${podName.replaceAll('/', '.')}`),
      addresses: { ipv4: hostAddress(node.podCidrs.ipv4, number), ipv6: hostAddress(node.podCidrs.ipv6, number) },
      hostInterface: interfaceName(podName),
    };
    this.#pods.set(podName, pod);
    await this.#linkPod(node, pod);
    return pod;
  }

  async #linkPod(node: NetworkNode, pod: NetworkPod): Promise<void> {
    const { ipv4, ipv6 } = pod.addresses;
    const gateway = { ipv4: hostAddress(node.podCidrs.ipv4, 1), ipv6: hostAddress(node.podCidrs.ipv6, 1) };
    await node.space.ip(
      `link add ${pod.hostInterface} type veth peer name eth0 netns ${pod.space.name}`,
      `address add ${gateway.ipv4}/32 dev ${pod.hostInterface}`,
      `address add ${gateway.ipv6}/128 dev ${pod.hostInterface} nodad`,
      `link set ${pod.hostInterface} up`,
      `route add ${ipv4}/32 dev ${pod.hostInterface} src ${gateway.ipv4}`,
      `route add ${ipv6}/128 dev ${pod.hostInterface} src ${gateway.ipv6}`,
    );
    await pod.space.ip(
      `address add ${ipv4}/32 dev eth0`,
      `address add ${ipv6}/128 dev eth0 nodad`,
      'link set eth0 up',
      `route add ${gateway.ipv4} dev eth0 scope link`,
      `route add default via ${gateway.ipv4}`,
      `route add ${gateway.ipv6} dev eth0`,
      `route add ::/0 via ${gateway.ipv6}`,
    );
  }

  /** Removes a pod's namespace, killing what runs in it. A pod that is unknown or gone is no error. */
  async removePod(nodeName: string, podName: string): Promise<void> {
    const pod = this.#pods.get(podName);
    if (pod === undefined) return;
    this.#pods.delete(podName);
    await pod.space.destroy();
    this.#addressPools.get(nodeName)?.taken.delete(Number(pod.addresses.ipv4.split('.')[3]));
  }

  /** The network of a pod that runs. */
  pod(podName: string): NetworkPod | undefined {
    return this.#pods.get(podName);
  }

  /** Removes everything, with the processes inside. */
  async close(): Promise<void> {
    const pods = [...this.#pods.values()];
    this.#pods.clear();
    await Promise.all([...this.#machines, ...pods].map(({ space }) => space.destroy()));
  }

  #takeAddress(nodeName: string): number {
    const pool = this.#addressPools.get(nodeName) ?? { taken: new Set<number>(), last: 1 };
    this.#addressPools.set(nodeName, pool);
    if (pool.taken.size === podsPerNode) throw new Error(`no free pod address on ${nodeName}`);
    // Addresses are given out in turn, so that one just freed is not soon another pod's.
    do pool.last = pool.last > podsPerNode ? 2 : pool.last + 1;
    while (pool.taken.has(pool.last));
    pool.taken.add(pool.last);
    return pool.last;
  }
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function routesToPodsOf(node: NetworkNode): string[] {
  return [
    `route add ${node.podCidrs.ipv4} via ${node.addresses.ipv4}`,
    `route add ${node.podCidrs.ipv6} via ${node.addresses.ipv6}`,
  ];
}

/** Address number `number` of a /24 or a `...::/64`. */
function hostAddress(cidr: string, number: number): string {
  const network = cidr.split('/')[0] ?? '';
  return network.includes(':') ? `${network}${number.toString(16)}` : network.replace(/\.0$/, `.${number}`);
}

/** `veth-<pod>` where that fits into the kernel's 15 characters, else a hash of the name. */
function interfaceName(podName: string): string {
  const short = podName.replace(/^default\//, '');
  const fits = /^[a-z0-9.-]{1,10}$/.test(short);
  return `veth-${fits ? short : createHash('sha256').update(podName).digest('hex').slice(0, 10)}`;
}
