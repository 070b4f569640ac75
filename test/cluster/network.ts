import { createHash } from 'node:crypto';
import { ipBatch, runCommand } from './commands.ts';
import { createNamespace, deleteLeftovers, deleteNamespace, deleteNamespaces, newPrefix } from './namespaces.ts';

/** One address per family. */
export interface DualStack {
  ipv4: string;
  ipv6: string;
}

/** A namespace that stands for a node of the cluster. */
export interface NetworkNode {
  /** Kubernetes name: `node-1`, `node-2` ... */
  name: string;
  /** Name of the network namespace, as `ip netns` knows it. */
  namespace: string;
  addresses: DualStack;
  podCidrs: DualStack;
}

/** A namespace that stands for a pod, linked to its node. */
export interface NetworkPod {
  namespace: string;
  addresses: DualStack;
  /** The node's end of the link. */
  hostInterface: string;
}

/** A machine on the nodes' network that is no node. */
export interface NetworkMachine {
  namespace: string;
  addresses: DualStack;
}

/** Which last bytes of a node's pod addresses are in use. */
interface AddressPool {
  taken: Set<number>;
  last: number;
}

/** Pod addresses are numbers 2 to 251 of a node's CIDR; 1 is the node's own end. */
const podsPerNode = 250;
const clusterCidrs: DualStack = { ipv4: '10.244.0.0/16', ipv6: 'fd00:10:244::/48' };
const forwarding = { 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 };

/**
 * The network of a cluster, out of network namespaces: a bridge that joins nodes, a control-plane machine and one
 * client outside the cluster; pods behind their nodes as point-to-point links (as the `ptp` CNI plugin makes them).
 * Nothing of it is reachable from the root namespace. See README.md for the picture.
 */
export class ClusterNetwork {
  readonly prefix: string;
  readonly nodes: NetworkNode[];
  /** The machine of the API server and the operator; the bridge lives here. */
  readonly controlPlane: NetworkMachine;
  /** A client outside the cluster: it has a route to the nodes' addresses only. */
  readonly outside: NetworkMachine;
  readonly clusterCidrs = clusterCidrs;
  readonly #pods = new Map<string, NetworkPod>();
  readonly #addressPools = new Map<string, AddressPool>();

  private constructor(prefix: string, nodeCount: number) {
    this.prefix = prefix;
    this.nodes = Array.from({ length: nodeCount }, (_, index) => nodeOf(prefix, index + 1));
    this.controlPlane = machineOf(prefix, 'control-plane', 2);
    this.outside = machineOf(prefix, 'outside', 100);
  }

  /** Builds the network; removes first what dead runs have left behind, and everything again if building fails. */
  static async create(nodeCount: number): Promise<ClusterNetwork> {
    if (nodeCount < 1 || nodeCount > 80) throw new RangeError(`1 to 80 nodes, not ${nodeCount}`);
    await deleteLeftovers();
    const network = new ClusterNetwork(newPrefix(), nodeCount);
    try {
      await network.#build();
    } catch (error) {
      await network.close();
      throw error;
    }
    return network;
  }

  async #build(): Promise<void> {
    const { controlPlane, outside } = this;
    await createNamespace(controlPlane.namespace);
    await ipBatch(controlPlane.namespace, [
      'link add br0 type bridge',
      `address add ${controlPlane.addresses.ipv4}/24 dev br0`,
      `address add ${controlPlane.addresses.ipv6}/64 dev br0 nodad`,
      'link set br0 up',
    ]);
    await createNamespace(outside.namespace);
    await this.#plugIn(outside, 'outside');
    for (const node of this.nodes) {
      await createNamespace(node.namespace, forwarding);
      await this.#plugIn(node, node.name);
      // A node has a default route; without one the kernel would refuse a ClusterIP before any rule sees it.
      const gateway = controlPlane.addresses;
      await ipBatch(node.namespace, [`route add default via ${gateway.ipv4}`, `route add ::/0 via ${gateway.ipv6}`]);
    }
    for (const machine of [controlPlane, ...this.nodes]) {
      const others = this.nodes.filter((node) => node.namespace !== machine.namespace);
      await ipBatch(machine.namespace, others.flatMap(routesToPodsOf));
    }
  }

  /** Gives a machine an `eth0` on the bridge. */
  async #plugIn(machine: NetworkMachine, port: string): Promise<void> {
    const bridge = this.controlPlane.namespace;
    await ipBatch(bridge, [
      `link add ${port} type veth peer name eth0 netns ${machine.namespace}`,
      `link set ${port} master br0 up`,
    ]);
    await ipBatch(machine.namespace, [
      `address add ${machine.addresses.ipv4}/24 dev eth0`,
      `address add ${machine.addresses.ipv6}/64 dev eth0 nodad`,
      'link set eth0 up',
    ]);
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
      namespace: `${this.prefix}pod-${podName.replaceAll('/', '.')}`,
      addresses: { ipv4: hostAddress(node.podCidrs.ipv4, number), ipv6: hostAddress(node.podCidrs.ipv6, number) },
      hostInterface: interfaceName(podName),
    };
    this.#pods.set(podName, pod);
    await createNamespace(pod.namespace);
    await this.#linkPod(node, pod);
    return pod;
  }

  async #linkPod(node: NetworkNode, pod: NetworkPod): Promise<void> {
    const { ipv4, ipv6 } = pod.addresses;
    const gateway = { ipv4: hostAddress(node.podCidrs.ipv4, 1), ipv6: hostAddress(node.podCidrs.ipv6, 1) };
    await ipBatch(node.namespace, [
      `link add ${pod.hostInterface} type veth peer name eth0 netns ${pod.namespace}`,
      `address add ${gateway.ipv4}/32 dev ${pod.hostInterface}`,
      `address add ${gateway.ipv6}/128 dev ${pod.hostInterface} nodad`,
      `link set ${pod.hostInterface} up`,
      `route add ${ipv4}/32 dev ${pod.hostInterface} src ${gateway.ipv4}`,
      `route add ${ipv6}/128 dev ${pod.hostInterface} src ${gateway.ipv6}`,
    ]);
    await ipBatch(pod.namespace, [
      `address add ${ipv4}/32 dev eth0`,
      `address add ${ipv6}/128 dev eth0 nodad`,
      'link set eth0 up',
      `route add ${gateway.ipv4} dev eth0 scope link`,
      `route add default via ${gateway.ipv4}`,
      `route add ${gateway.ipv6} dev eth0`,
      `route add ::/0 via ${gateway.ipv6}`,
    ]);
  }

  /** Removes a pod's namespace, killing what runs in it. A pod that is unknown or gone is no error. */
  async removePod(nodeName: string, podName: string): Promise<void> {
    const pod = this.#pods.get(podName);
    if (pod === undefined) return;
    this.#pods.delete(podName);
    await deleteNamespace(pod.namespace);
    this.#addressPools.get(nodeName)?.taken.delete(Number(pod.addresses.ipv4.split('.')[3]));
  }

  /** Lets the outside client reach addresses (virtual IPs) through a node, as a router in front of it would. */
  async routeFromOutside(addresses: readonly string[], viaNode: string): Promise<void> {
    const via = this.node(viaNode).addresses;
    await ipBatch(
      this.outside.namespace,
      addresses.map((address) => `route replace ${address} via ${address.includes(':') ? via.ipv6 : via.ipv4}`),
    );
  }

  /** Runs a command in a namespace. @throws CommandError */
  async exec(namespace: string, command: string, args: readonly string[], timeout?: number): Promise<string> {
    const options = timeout === undefined ? {} : { timeout };
    return (await runCommand('ip', ['netns', 'exec', namespace, command, ...args], options)).stdout;
  }

  /** Removes everything, with the processes inside. */
  async close(): Promise<void> {
    await deleteNamespaces(this.prefix);
    this.#pods.clear();
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

function nodeOf(prefix: string, number: number): NetworkNode {
  return {
    ...machineOf(prefix, `node-${number}`, 10 + number),
    name: `node-${number}`,
    podCidrs: { ipv4: `10.244.${number}.0/24`, ipv6: `fd00:10:244:${number}::/64` },
  };
}

function machineOf(prefix: string, name: string, number: number): NetworkMachine {
  return {
    namespace: `${prefix}${name}`,
    addresses: { ipv4: `172.30.0.${number}`, ipv6: `fd00:172:30::${number}` },
  };
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
