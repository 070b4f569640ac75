import type { Mode } from '../../src/api/index.ts';
import { IpvsSocket } from '../../src/ipvs/index.ts';
import { eventually, serviceObject, sliceObject } from '../support/index.ts';
import { addresses, Cleaning, NodeWorld, ServiceRig } from '../support/node/index.ts';
import { Haproxy, serveRequests } from '../userspace/index.ts';

/** Who answers: behind every port of the Service. */
export const endpoints = { local: addresses[4].localPod, remote: addresses[4].remotePod } as const;

/** Of the Service: what says nothing of what it speaks is passed on as TCP where a proxy serves. */
const ports = [
  { port: { name: 'tcp', protocol: 'TCP', port: 80 }, endpoint: 8080 },
  { port: { name: 'udp', protocol: 'UDP', port: 80 }, endpoint: 8080 },
  { port: { name: 'http', protocol: 'TCP', port: 81, appProtocol: 'http' }, endpoint: 8081 },
] as const;

/** What a mode leaves on a node: by it a test sees that nothing else is in force. */
export interface Traces {
  /** Our table of nftables. */
  readonly table: boolean;
  /** Chains of ours among those of iptables. */
  readonly chains: boolean;
  /** Virtual servers of IPVS. */
  readonly virtualServers: boolean;
  /** Service ports that HAProxy serves. */
  readonly proxied: number;
}

const nothing: Traces = { table: false, chains: false, virtualServers: false, proxied: 0 };
/** What there is to be in each mode. */
export const tracesOf: Readonly<Record<Mode, Traces>> = {
  nftables: { ...nothing, table: true },
  ipvs: { ...nothing, table: true, virtualServers: true },
  userspace: { ...nothing, table: true, proxied: ports.filter(({ port }) => port.protocol === 'TCP').length },
  iptables: { ...nothing, chains: true },
};

/** By whom a mode is asked for: the ProxyConfig for all Services of the node, or the Service by its annotation. */
export type AskedBy = 'node' | 'Service';

/** A node that can do certain modes, and a Service whose endpoints answer TCP, UDP and HTTP/1.1 in each of them. */
export class SwitchRig implements AsyncDisposable {
  readonly node: ServiceRig;
  readonly #cleaning: Cleaning;
  readonly #haproxy: Haproxy | undefined;
  readonly #ipvs: IpvsSocket | undefined;

  private constructor(world: NodeWorld, haproxy: Haproxy | undefined, modes: readonly Mode[]) {
    this.#haproxy = haproxy;
    this.node = ServiceRig.in(world, this.#haproxy ? { haproxyDirectory: this.#haproxy.directory } : {});
    this.#cleaning = new Cleaning(this.node);
    this.#ipvs = modes.includes('ipvs') ? IpvsSocket.open({ namespacePath: world.node.path }) : undefined;
  }

  /** Nothing is written yet, but where there is to be a HAProxy: it runs when this is done. */
  static async create(modes: readonly Mode[]): Promise<SwitchRig> {
    const world = await NodeWorld.create();
    await world.startEndpoints();
    const haproxy = modes.includes('userspace') ? await Haproxy.in(world.node) : undefined;
    const rig = new SwitchRig(world, haproxy, modes);
    rig.#serve();
    if (rig.#haproxy) await rig.#startHaproxy(rig.#haproxy, world);
    return rig;
  }

  /** Serves by this mode from now on, and what went before is forgotten as the agent forgets it. */
  async switchTo(mode: Mode, askedBy: AskedBy = 'node'): Promise<void> {
    this.#serve(askedBy === 'Service' ? { 'nftproxy.io/engine': mode } : {});
    if (askedBy === 'node') this.node.configure({ mode });
    await this.#cleaning.run();
  }

  /** What is in force on the node, by the witness of others where there is one. */
  async traces(): Promise<Traces> {
    const { space, dataPlane } = this.node;
    return {
      table: (await this.node.nft('list', 'tables')).includes('table inet nftproxy'),
      chains: (await space.run('xtables-nft-multi', ['iptables-save'])).includes('NFTPROXY-'),
      virtualServers: ((await this.#ipvs?.servers()) ?? []).length > 0,
      proxied: dataPlane.servedBy().userspace ?? 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleaning.stop();
    this.#ipvs?.close();
    await this.#haproxy?.[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
  }

  #serve(annotations: Readonly<Record<string, string>> = {}): void {
    const { clusterIP } = addresses[4];
    const spec = { clusterIP, clusterIPs: [clusterIP], ports: ports.map(({ port }) => port) };
    this.node.service('web', serviceObject('web', { annotations, ...spec }));
    const ready = Object.values(endpoints).map((address) => ({ addresses: [address], conditions: { ready: true } }));
    const behind = ports.map(({ port: { name, protocol }, endpoint }) => ({ name, protocol, port: endpoint }));
    this.node.slice('web-4', sliceObject('web-4', 'web', ready, { ports: behind }));
  }

  async #startHaproxy(haproxy: Haproxy, world: NodeWorld): Promise<void> {
    await serveRequests(world.localPod, 'local', endpoints.local);
    await serveRequests(world.remotePod, 'remote', endpoints.remote);
    // It waits for a configuration, which the agent writes when it is asked to.
    await this.switchTo('userspace');
    await haproxy.start();
    await eventually('HAProxy to be seen', () => this.node.look());
  }
}
