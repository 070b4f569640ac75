import { vi } from 'vitest';
import type { ProxySettings } from '../../src/api/index.ts';
import { IpvsSocket } from '../../src/ipvs/index.ts';
import type { DestinationState, VirtualServer } from '../../src/ipvs/index.ts';
import { addresses, service, ServiceRig, slice } from '../support/node/index.ts';

const { localPod, remotePod, node } = addresses[4];

export type Scheduler = NonNullable<NonNullable<ProxySettings['ipvs']>['scheduler']>;

/** Weights of the Service's endpoints, each of which has a slice of its own. */
export const weights: Readonly<Record<string, number>> = { [localPod]: 1, [remotePod]: 2, [node]: 5 };

/** A node in mode ipvs with one Service of three endpoints of different weights. */
export class WeightedRig implements AsyncDisposable {
  readonly rig: ServiceRig;
  readonly ipvs: IpvsSocket;

  private constructor(rig: ServiceRig) {
    this.rig = rig;
    this.ipvs = IpvsSocket.open({ namespacePath: rig.space.path });
  }

  static async create(): Promise<WeightedRig> {
    const rig = await ServiceRig.create();
    await rig.world.node.serve([{ protocol: 'tcp', address: node, port: 8080 }]);
    rig.service('web', service({ ports: [{ name: 'tcp', protocol: 'TCP', port: 80 }] }));
    return new WeightedRig(rig);
  }

  /** Has the scheduler choose among these endpoints. @returns the virtual server of the Service */
  async serve(scheduler: Scheduler, among: readonly string[] = Object.keys(weights)): Promise<VirtualServer> {
    for (const address of Object.keys(weights)) {
      this.rig.slice(`web-${address}`, among.includes(address) ? withWeight(address) : undefined);
    }
    this.rig.configure({ mode: 'ipvs', ipvs: { scheduler } });
    await this.rig.run();
    const [only, ...more] = (await this.ipvs.servers()).filter(({ family }) => family === 4);
    if (!only || more.length > 0) throw new Error('the Service has one virtual server');
    return only;
  }

  /** The endpoints in the kernel's order, once so many connections of each are counted as open. */
  async counted(server: VirtualServer, open: (address: string) => number): Promise<DestinationState[]> {
    const look = async (): Promise<DestinationState[]> => {
      const destinations = await this.ipvs.destinations(server);
      for (const { address, active } of destinations) {
        if (active !== open(address)) throw new Error(`${address}: ${active} are open, not ${open(address)}`);
      }
      return destinations;
    };
    return vi.waitFor(look, { timeout: 60_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ipvs.close();
    await this.rig[Symbol.asyncDispose]();
  }
}

function withWeight(address: string) {
  const made = slice('web', 4, ['remotePod']);
  const [endpoint] = made.endpoints ?? [];
  const annotations = { 'nftproxy.io/weight': String(weights[address]) };
  return { ...made, metadata: { ...made.metadata, annotations }, endpoints: [{ ...endpoint, addresses: [address] }] };
}
