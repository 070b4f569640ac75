import { setTimeout as sleep } from 'node:timers/promises';
import { FlowSender } from '../../test/support/index.ts';
import type { Flow, Namespace } from '../../test/support/index.ts';
import { clientOf } from '../scale/client.ts';
import { clusterIp, podAddress, servicePort, targetPort } from '../scale/objects.ts';
import type { Protocol } from '../scale/objects.ts';

/** Where packets go: to pods past all Services, or to all Services in turn. */
export type Destination = 'pods' | 'ClusterIPs';

interface Options {
  readonly services: number;
  readonly protocol: Protocol;
  /** Of a round. */
  readonly packets: number;
}

/**
 * First packets of flows out of a client's namespace through a node. The kernel takes a packet through both namespaces, and
 * all of the node's tables, before the call that sends it returns: the time of the call is what the packet costs.
 */
export class FirstPackets implements AsyncDisposable {
  readonly #client: Namespace;
  readonly #node: Namespace;
  readonly #sender: FlowSender;
  readonly #prepared: Readonly<Record<Destination, readonly (() => void)[]>>;

  private constructor(client: Namespace, node: Namespace, o: Options) {
    this.#client = client;
    this.#node = node;
    this.#sender = new FlowSender(client.path);
    const all = (to: (flow: number) => string, port: number) =>
      [...flows(o, to, port)].map((flow) => this.#sender.prepare(flow));
    this.#prepared = {
      pods: all((flow) => podAddress((flow * 7919) % o.services), targetPort),
      ClusterIPs: all((flow) => clusterIp((flow * 7919) % o.services), servicePort),
    };
  }

  static async create(node: Namespace, o: Options): Promise<FirstPackets> {
    const client = await clientOf(node);
    const place = new FirstPackets(client, node, o);
    // The first packets wait for a neighbour.
    place.#prepared.pods[0]?.();
    await sleep(200);
    return place;
  }

  /**
   * Sends each packet once, all as new flows: what was there is forgotten first. Microseconds of each.
   * @throws Error if packets were lost, which would make a node look fast
   */
  async round(to: Destination): Promise<number[]> {
    await this.#node.run('conntrack', ['-F']);
    const prepared = this.#prepared[to];
    const times = prepared.map((send) => {
      const begun = performance.now();
      send();
      return (performance.now() - begun) * 1000;
    });
    const tracked = Number(await this.#node.run('conntrack', ['-C']));
    if (tracked < prepared.length * 0.99) throw new Error(`only ${tracked} of ${prepared.length} flows arrived`);
    return times;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sender[Symbol.dispose]();
    await this.#client.destroy();
  }
}

/** From 256 pods outside this node, each with fresh ports. */
function* flows({ packets, protocol }: Options, destination: (flow: number) => string, port: number): Generator<Flow> {
  for (let flow = 0; flow < packets; flow++) {
    const source = `10.255.0.${flow & 255}`;
    const sourcePort = 1024 + (flow >> 8);
    yield {
      ...{ source, sourcePort, port },
      destination: destination(flow),
      protocol: protocol === 'TCP' ? 'tcp' : 'udp',
    };
  }
}
