import { revisionOf, withDefaults } from '../../src/api/index.ts';
import type { ProxySettings } from '../../src/api/index.ts';
import { dataPlaneFactories, RunningDataPlane } from '../../src/dataplane/index.ts';
import { createLogger } from '../../src/runtime/index.ts';
import { DesiredState, Sync } from '../../src/agent/sync/index.ts';
import type { SyncResult } from '../../src/agent/sync/index.ts';
import type { EndpointSliceObject, ServiceObject } from '../../src/services/index.ts';
import { link, Namespace } from '../support/namespace.ts';

/**
 * A node with everything around it:
 *
 * ```
 *   local pod  10.244.1.2 ─┐                       ┌─ remote pod 10.244.2.2 (behind another node, 172.30.0.2)
 *   client pod 10.244.1.3 ─┤ node 172.30.0.1/.31.  │
 *                          └──────────────┬────────┴─ outside client 172.31.0.2
 * ```
 * IPv6 likewise in fd00:…; the node runs nothing but our table.
 */
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

export type Where = 'clientPod' | 'localPod' | 'node' | 'outside';

export class Rig implements AsyncDisposable {
  readonly node: Namespace;
  readonly #spaces: Readonly<Record<'localPod' | 'clientPod' | 'remote' | 'outside', Namespace>>;
  state = new DesiredState('node-1');
  dataPlane: RunningDataPlane;
  sync: Sync;
  readonly logs: string[] = [];
  readonly #log = createLogger({ format: 'text', level: 'debug', write: (line) => this.logs.push(line) });
  #settings: ProxySettings = {};

  private constructor(node: Namespace, spaces: Rig['localPod'] extends never ? never : Record<string, Namespace>) {
    this.node = node;
    this.#spaces = spaces as Record<'localPod' | 'clientPod' | 'remote' | 'outside', Namespace>;
    this.dataPlane = this.#open();
    this.sync = this.#newSync();
  }

  get localPod(): Namespace {
    return this.#spaces.localPod;
  }

  static async create(): Promise<Rig> {
    const node = await Namespace.create('node', { forwarding: true });
    const [localPod, clientPod, remote, outside] = await Promise.all([
      Namespace.create('lpod'),
      Namespace.create('cpod'),
      Namespace.create('remote', { forwarding: true }),
      Namespace.create('outside'),
    ]);
    await link(localPod, node, {
      a: { addresses: ['10.244.1.2/32', 'fd00:10:244:1::2/80'], routes: [{ to: 'default', via: 'fd00:10:244:1::1' }] },
      b: { interface: 'veth-local', addresses: ['169.254.1.1/32', 'fd00:10:244:1::1/80'] },
    });
    await link(clientPod, node, {
      a: {
        addresses: ['10.244.1.3/32', 'fd00:10:244:1:1::3/80'],
        routes: [{ to: 'default', via: 'fd00:10:244:1:1::1' }],
      },
      b: { interface: 'veth-client', addresses: ['169.254.1.1/32', 'fd00:10:244:1:1::1/80'] },
    });
    for (const [pod, device, address] of [
      [localPod, 'veth-local', '10.244.1.2'],
      [clientPod, 'veth-client', '10.244.1.3'],
    ] as const) {
      await pod.run('ip', ['route', 'add', '169.254.1.1', 'dev', 'to-node', 'scope', 'link']);
      await pod.run('ip', ['route', 'add', 'default', 'via', '169.254.1.1', 'dev', 'to-node']);
      await node.run('ip', ['route', 'add', address, 'dev', device, 'scope', 'link']);
    }
    await link(node, remote, {
      a: {
        interface: 'uplink',
        addresses: ['172.30.0.1/24', 'fd00:172:30::1/64'],
        routes: [
          { to: '10.244.2.0/24', via: '172.30.0.2' },
          { to: 'fd00:10:244:2::/64', via: 'fd00:172:30::2' },
          { to: 'default', via: '172.30.0.2' },
          { to: 'default', via: 'fd00:172:30::2' },
        ],
      },
      b: {
        addresses: ['172.30.0.2/24', 'fd00:172:30::2/64'],
        routes: [
          { to: 'default', via: '172.30.0.1' },
          { to: 'default', via: 'fd00:172:30::1' },
        ],
      },
    });
    await remote.run('ip', ['address', 'add', '10.244.2.2/32', 'dev', 'lo']);
    await remote.run('ip', ['address', 'add', 'fd00:10:244:2::2/128', 'dev', 'lo', 'nodad']);
    await link(node, outside, {
      a: { interface: 'external', addresses: ['172.31.0.1/24', 'fd00:172:31::1/64'] },
      b: {
        addresses: ['172.31.0.2/24', 'fd00:172:31::2/64'],
        routes: [
          { to: 'default', via: '172.31.0.1' },
          { to: 'default', via: 'fd00:172:31::1' },
        ],
      },
    });
    const rig = new Rig(node, { localPod, clientPod, remote, outside });
    rig.configure({});
    return rig;
  }

  /** Echo servers at port 8080, TCP and UDP, both families, on the local and the remote pod. */
  async startEndpoints(): Promise<void> {
    const listeners = (pod: 'localPod' | 'remotePod') =>
      ([4, 6] as const).flatMap((family) =>
        (['tcp', 'udp'] as const).map((protocol) => ({ protocol, address: addresses[family][pod], port: 8080 })),
      );
    await this.#spaces.localPod.serve(listeners('localPod'));
    await this.#spaces.remote.serve(listeners('remotePod'));
  }

  /** Where a client stands. */
  namespaceOf(where: Where): Namespace {
    return where === 'node' ? this.node : this.#spaces[where];
  }

  /** Settings of the ProxyConfig; the pods' CIDRs are the cluster's unless said otherwise. */
  configure(settings: ProxySettings): void {
    this.#settings = settings;
    const config = withDefaults({ clusterCIDRs: [addresses[4].podCIDR, addresses[6].podCIDR], ...settings });
    this.state.configure({ name: 'default', revision: revisionOf(config), config });
    this.state.setNode({
      labels: { 'topology.kubernetes.io/zone': 'a' },
      primaryAddresses: [addresses[4].node, addresses[6].node],
      podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
      eligible: true,
    });
    this.state.setServiceCIDRs([addresses[4].serviceCIDR, addresses[6].serviceCIDR]);
  }

  service(name: string, service: ServiceObject | undefined): void {
    this.state.service(`default/${name}`, service);
  }

  slice(name: string, slice: EndpointSliceObject | undefined): void {
    this.state.endpointSlice(`default/${name}`, slice);
  }

  /** Writes what has changed to the kernel. */
  run(): Promise<SyncResult> {
    return this.sync.run();
  }

  /** What a restart of the agent does: a new process state, the kernel as it was left. */
  restart(objects: { services: Record<string, ServiceObject>; slices: Record<string, EndpointSliceObject> }): void {
    this.dataPlane.close();
    this.state = new DesiredState('node-1');
    this.dataPlane = this.#open();
    this.sync = this.#newSync();
    this.configure(this.#settings);
    for (const [name, service] of Object.entries(objects.services)) this.service(name, service);
    for (const [name, slice] of Object.entries(objects.slices)) this.slice(name, slice);
  }

  nft(...args: string[]): Promise<string> {
    return this.node.run('nft', args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dataPlane.close();
    await Promise.all([this.node, ...Object.values(this.#spaces)].map((space) => space.destroy()));
  }

  #open(): RunningDataPlane {
    return new RunningDataPlane(dataPlaneFactories({ log: this.#log, namespacePath: this.node.path }));
  }

  #newSync(): Sync {
    return new Sync({ state: this.state, dataPlane: this.dataPlane, log: this.#log });
  }
}
