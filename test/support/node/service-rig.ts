import { NodeRig } from './node-rig.ts';
import type { NodeFacts } from './node-rig.ts';
import { addresses, nodePodCIDRs, NodeWorld } from './world.ts';
import type { Namespace } from '../namespace.ts';
import type { Where } from './world.ts';

/** A `NodeWorld` whose node has the agent's parts in it: Services and EndpointSlices go in, packets tell what happens. */
export class ServiceRig extends NodeRig implements AsyncDisposable {
  readonly world: NodeWorld;

  private constructor(world: NodeWorld, facts: Partial<NodeFacts>) {
    super(world.node, {
      name: 'node-1',
      settings: { clusterCIDRs: [addresses[4].podCIDR, addresses[6].podCIDR] },
      serviceCIDRs: [addresses[4].serviceCIDR, addresses[6].serviceCIDR],
      labels: { 'topology.kubernetes.io/zone': 'a' },
      primaryAddresses: [addresses[4].node, addresses[6].node],
      podCIDRs: nodePodCIDRs,
      ...facts,
    });
    this.world = world;
  }

  /** The node with its table, clients everywhere, and echo servers at both pods. */
  static async create(): Promise<ServiceRig> {
    const world = await NodeWorld.create();
    await world.startEndpoints();
    return ServiceRig.in(world);
  }

  /** A node with what is there already. */
  static in(world: NodeWorld, facts: Partial<NodeFacts> = {}): ServiceRig {
    return new ServiceRig(world, facts);
  }

  /** Where a client stands. */
  namespaceOf(where: Where): Namespace {
    return this.world.namespaceOf(where);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    await this.world[Symbol.asyncDispose]();
  }
}
