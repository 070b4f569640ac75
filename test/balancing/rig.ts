import { setTimeout } from 'node:timers/promises';
import { kernelView } from '../../src/dataplane/nftables/index.ts';
import type { TableView } from '../../src/dataplane/nftables/index.ts';
import { NftablesSocket } from '../../src/nftables/index.ts';
import type { Element } from '../../src/nftables/index.ts';
import { eventually, FlowSender, linkAll, Namespace } from '../support/index.ts';
import type { Flow } from '../support/index.ts';
import { NodeRig } from '../support/node/index.ts';
import { readArrivals, startCounting } from './arrivals.ts';
import type { Arrivals } from './arrivals.ts';
import { clientAddress, endpointAddress, endpointSlices, serviceOf } from './objects.ts';
import type { EndpointChoice, ServiceChoice } from './objects.ts';

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
export class Rig extends NodeRig implements AsyncDisposable {
  readonly clients: Namespace;
  readonly endpoints: Namespace;
  readonly #sender: FlowSender;
  readonly #socket: NftablesSocket;
  readonly #slices = new Map<string, readonly string[]>();

  private constructor({ clients, node, endpoints }: Readonly<Record<'clients' | 'node' | 'endpoints', Namespace>>) {
    super(node, {
      name: 'node-1',
      settings: { clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'] },
      serviceCIDRs: ['10.96.0.0/16', 'fd00:10:96::/112'],
    });
    this.clients = clients;
    this.endpoints = endpoints;
    this.#sender = new FlowSender(clients.path);
    this.#socket = NftablesSocket.open({ namespacePath: node.path });
  }

  /** Makes the namespaces, with that many endpoint addresses. */
  static async create(endpointCount: number): Promise<Rig> {
    const spaces = await Namespace.createAll({ clients: {}, node: { forwarding: true }, endpoints: {} });
    const { clients, node, endpoints } = spaces;
    await linkAll([
      {
        a: clients,
        b: node,
        ends: {
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
        },
      },
      {
        a: node,
        b: endpoints,
        ends: {
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
        },
      },
    ]);
    await startCounting(endpoints);
    // A flood comes back to a source port within a second or two. The node must have forgotten the connection that had
    // it before, or that one's endpoint is what the new connection gets.
    clients.sysctl({ 'net.ipv4.ip_local_port_range': '1024 65535' });
    const closing = ['time_wait', 'close', 'close_wait', 'fin_wait', 'last_ack'];
    node.sysctl(Object.fromEntries(closing.map((state) => [`net.netfilter.nf_conntrack_tcp_timeout_${state}`, 1])));
    const rig = new Rig(spaces);
    await rig.#findNeighbours();
    return rig;
  }

  /** A Service with port 80, TCP and UDP, both families; undefined removes it. */
  setService(name: string, choice: ServiceChoice | undefined): void {
    this.service(name, choice && serviceOf(name, choice));
  }

  /** The Service's endpoints from now on, by number; one slice per family and weight, in the order given. */
  setEndpoints(name: string, choices: readonly (number | EndpointChoice)[], targetPort = 8080): void {
    const slices = endpointSlices(name, choices, targetPort);
    const present = this.#slices.get(name) ?? [];
    for (const [key, slice] of slices) this.slice(key, slice);
    for (const key of present) if (!slices.has(key)) this.slice(key, undefined);
    this.#slices.set(name, [...slices.keys()]);
  }

  /** Sends the flows and reads where they arrived. Connections of earlier calls are forgotten first. */
  async flows(flows: Iterable<Flow>): Promise<Arrivals> {
    await this.forgetConnections();
    const sent = await this.#sender.send(flows);
    // On a busy machine the last ones are still on their way.
    let arrivals = await readArrivals(this.endpoints);
    for (let look = 1; ; look++) {
      if (arrivals.total + arrivals.untranslated >= sent || look === looks) return arrivals;
      await setTimeout(lookMilliseconds);
      arrivals = arrivals.plus(await readArrivals(this.endpoints));
    }
  }

  /** TCP servers on every one of these endpoints. */
  async serve(numbers: readonly number[], ports: readonly number[] = [8080]): Promise<void> {
    await this.endpoints.serve(
      numbers.flatMap((number) =>
        ports.map((port) => ({ protocol: 'tcp' as const, address: endpointAddress(4, number), port })),
      ),
    );
  }

  /** The kernel's own elements, as `trace` reads them; each set is read once. */
  async view(): Promise<TableView> {
    const kernel = await kernelView(this.#socket, 'nftproxy');
    const sets = new Map<string, Promise<Map<string, Element>>>();
    const read = (name: string): Promise<Map<string, Element>> => {
      const known =
        sets.get(name) ??
        kernel.elements(name).then((elements) => new Map(elements.map((element) => [element.key, element])));
      sets.set(name, known);
      return known;
    };
    return {
      get: async (set, key) => (await read(set)).get(key),
      ranges: async (set) => [...(await read(set)).keys()],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    this.#socket.close();
    this.#sender[Symbol.dispose]();
    await Promise.all([this.clients, this.space, this.endpoints].map((space) => space.destroy()));
  }

  /** Before the first flows: they would overflow the queue of packets that wait for a neighbour. */
  async #findNeighbours(): Promise<void> {
    const attempt = async (): Promise<boolean> => {
      for (const family of [4, 6] as const) {
        const destination = endpointAddress(family, 1);
        await this.#sender.send([{ source: clientAddress(family, 0), sourcePort: 1, destination, port: 1 }]);
      }
      await setTimeout(lookMilliseconds);
      return (await readArrivals(this.endpoints)).byClient.size === 2;
    };
    await eventually('the endpoints to be reached', attempt);
  }
}

function addressesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => index + 1).flatMap((number) => [
    `${endpointAddress(4, number)}/32`,
    `${endpointAddress(6, number)}/128`,
  ]);
}
