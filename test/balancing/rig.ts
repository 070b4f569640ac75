import { setTimeout } from 'node:timers/promises';
import { revisionOf, withDefaults } from '../../src/api/index.ts';
import type { ProxySettings } from '../../src/api/index.ts';
import { dataPlaneFactories, RunningDataPlane } from '../../src/dataplane/index.ts';
import { definitionOf } from '../../src/dataplane/nftables/index.ts';
import type { TableView } from '../../src/dataplane/nftables/index.ts';
import { DesiredState, LoadFollower, Sync } from '../../src/agent/sync/index.ts';
import type { SyncResult } from '../../src/agent/sync/index.ts';
import { createLogger } from '../../src/runtime/index.ts';
import { ConntrackSocket } from '../../src/conntrack/index.ts';
import { NftablesSocket } from '../../src/nftables/index.ts';
import type { Element } from '../../src/nftables/index.ts';
import { link, Namespace } from '../support/namespace.ts';
import { readArrivals, startCounting } from './arrivals.ts';
import type { Arrivals } from './arrivals.ts';
import { clientAddress, endpointAddress, endpointSlices, serviceObject } from './objects.ts';
import type { EndpointChoice, ServiceChoice } from './objects.ts';
import { FlowSender } from './raw-flows.ts';
import type { Flow } from './raw-flows.ts';

/** How long flows that are underway are waited for: one second. */
const looks = 20;
const lookMilliseconds = 50;

/**
 * A node between many clients and many endpoints:
 *
 * ```
 *   clients 10.244.64.0/18 ── node 172.30.0.1 ── endpoints 10.244.2.1 … .N (one namespace, N addresses)
 *           fd00:10:244:64::/64     our table             fd00:10:244:2::1 … ::N
 * ```
 * UDP flows are counted and dropped where the endpoints are; TCP connections reach real servers (`serve`).
 */
export class Rig implements AsyncDisposable {
  readonly clients: Namespace;
  readonly node: Namespace;
  readonly endpoints: Namespace;
  readonly socket: NftablesSocket;
  readonly conntrack: ConntrackSocket;
  readonly state = new DesiredState('node-1');
  readonly dataPlane: RunningDataPlane;
  readonly sync: Sync;
  readonly load: LoadFollower;
  readonly logs: string[] = [];
  readonly #sender: FlowSender;
  readonly #slices = new Map<string, readonly string[]>();

  private constructor(clients: Namespace, node: Namespace, endpoints: Namespace) {
    this.clients = clients;
    this.node = node;
    this.endpoints = endpoints;
    this.socket = NftablesSocket.open({ namespacePath: node.path });
    this.conntrack = ConntrackSocket.open({ namespacePath: node.path });
    const log = createLogger({ format: 'text', level: 'debug', write: (line) => this.logs.push(line) });
    this.dataPlane = new RunningDataPlane(dataPlaneFactories({ log, namespacePath: node.path }));
    this.sync = new Sync({ state: this.state, dataPlane: this.dataPlane, log });
    this.load = new LoadFollower(this.conntrack);
    this.#sender = new FlowSender(clients.path);
    this.configure({});
  }

  /** Makes the namespaces, with that many endpoint addresses. */
  static async create(endpointCount: number): Promise<Rig> {
    const [clients, node, endpoints] = await Promise.all([
      Namespace.create('clients'),
      Namespace.create('node', { forwarding: true }),
      Namespace.create('endpoints'),
    ]);
    await link(clients, node, {
      a: {
        addresses: ['172.31.0.2/24', '10.244.64.1/32', 'fd00:172:31::2/64', 'fd00:10:244:64::1/128'],
        routes: [
          { to: 'default', via: '172.31.0.1' },
          { to: 'default', via: 'fd00:172:31::1' },
        ],
      },
      b: {
        addresses: ['172.31.0.1/24', 'fd00:172:31::1/64'],
        routes: [
          { to: '10.244.64.0/18', via: '172.31.0.2' },
          { to: 'fd00:10:244:64::/64', via: 'fd00:172:31::2' },
        ],
      },
    });
    await link(node, endpoints, {
      a: {
        addresses: ['172.30.0.1/24', 'fd00:172:30::1/64'],
        routes: [
          { to: 'default', via: '172.30.0.2' },
          { to: 'default', via: 'fd00:172:30::2' },
        ],
      },
      b: {
        addresses: ['172.30.0.2/24', 'fd00:172:30::2/64', ...addressesOf(endpointCount)],
        routes: [
          { to: 'default', via: '172.30.0.1' },
          { to: 'default', via: 'fd00:172:30::1' },
        ],
      },
    });
    await startCounting(endpoints);
    // A flood comes back to a source port within a second or two. The node must have forgotten the connection that had
    // it before, or that one's endpoint is what the new connection gets.
    await clients.sysctl({ 'net.ipv4.ip_local_port_range': '1024 65535' });
    const closing = ['time_wait', 'close', 'close_wait', 'fin_wait', 'last_ack'];
    await node.sysctl(
      Object.fromEntries(closing.map((state) => [`net.netfilter.nf_conntrack_tcp_timeout_${state}`, 1])),
    );
    const rig = new Rig(clients, node, endpoints);
    await rig.#findNeighbours();
    return rig;
  }

  /** Settings of the ProxyConfig. */
  configure(settings: ProxySettings): void {
    const config = withDefaults({ clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'], ...settings });
    this.state.configure({ name: 'default', revision: revisionOf(config), config });
    this.state.setServiceCIDRs(['10.96.0.0/16', 'fd00:10:96::/112']);
  }

  /** A Service with port 80, TCP and UDP, both families; undefined removes it. */
  service(name: string, choice: ServiceChoice | undefined): void {
    this.state.service(`default/${name}`, choice && serviceObject(choice));
  }

  /** The Service's endpoints from now on, by number; one slice per family and weight, in the order given. */
  setEndpoints(name: string, choices: readonly (number | EndpointChoice)[], targetPort = 8080): void {
    const slices = endpointSlices(name, choices, targetPort);
    const present = this.#slices.get(name) ?? [];
    for (const [key, slice] of slices) this.state.endpointSlice(key, slice);
    for (const key of present) if (!slices.has(key)) this.state.endpointSlice(key, undefined);
    this.#slices.set(name, [...slices.keys()]);
  }

  /** Writes what has changed to the kernel. */
  run(): Promise<SyncResult> {
    return this.sync.run();
  }

  /** What the agent does every few seconds for least-connections. Tells how many Service ports got new weights. */
  async followLoad(): Promise<number> {
    const weights = await this.load.look(this.state.loadBalanced);
    this.state.setWeights(weights);
    if (weights.size > 0) await this.run();
    return weights.size;
  }

  /** Sends the flows and reads where they arrived. Connections of earlier calls are forgotten first. */
  async flows(flows: Iterable<Flow>): Promise<Arrivals> {
    await this.forgetConnections();
    const sent = await this.#sender.send(flows);
    // On a busy machine the last ones are still on their way.
    for (let look = 1; ; look++) {
      const arrivals = await readArrivals(this.endpoints);
      if (arrivals.total + arrivals.untranslated >= sent || look === looks) return arrivals;
      await setTimeout(lookMilliseconds);
    }
  }

  async forgetConnections(): Promise<void> {
    await this.node.run('conntrack', ['-F']);
  }

  /** TCP servers on every one of these endpoints. */
  async serve(numbers: readonly number[], ports: readonly number[] = [8080]): Promise<void> {
    await this.endpoints.serve(
      numbers.flatMap((number) =>
        ports.map((port) => ({ protocol: 'tcp' as const, address: endpointAddress(4, number), port })),
      ),
    );
  }

  nft(...args: string[]): Promise<string> {
    return this.node.run('nft', args);
  }

  /** The kernel's own elements, as `trace` reads them; each set is read once. */
  view(): TableView {
    const sets = new Map<string, Promise<Map<string, Element>>>();
    const read = (name: string): Promise<Map<string, Element>> => {
      const known = sets.get(name) ?? this.#read(name);
      sets.set(name, known);
      return known;
    };
    return {
      get: async (set, key) => (await read(set)).get(key),
      ranges: async (set) => [...(await read(set)).keys()],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dataPlane.close();
    this.socket.close();
    this.conntrack.close();
    this.#sender[Symbol.dispose]();
    await Promise.all([this.clients, this.node, this.endpoints].map((space) => space.destroy()));
  }

  /** Before the first flows: they would overflow the queue of packets that wait for a neighbour. */
  async #findNeighbours(): Promise<void> {
    let found = 0;
    for (let attempt = 0; found < 2; attempt++) {
      if (attempt === 50) throw new Error('the endpoints cannot be reached');
      for (const family of [4, 6] as const) {
        const destination = endpointAddress(family, 1);
        await this.#sender.send([{ source: clientAddress(family, 0), sourcePort: 1, destination, port: 1 }]);
      }
      await setTimeout(100);
      found = (await readArrivals(this.endpoints)).byClient.size;
    }
  }

  async #read(name: string): Promise<Map<string, Element>> {
    const definition = definitionOf(name);
    if (!definition) throw new Error(`no set ${name}`);
    const elements = await this.socket.elements('nftproxy', definition);
    return new Map(elements.map((element) => [element.key, element]));
  }
}

function addressesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => index + 1).flatMap((number) => [
    `${endpointAddress(4, number)}/32`,
    `${endpointAddress(6, number)}/128`,
  ]);
}
