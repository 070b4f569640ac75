import { setTimeout as sleep } from 'node:timers/promises';
import { FlowSender } from '../../test/support/index.ts';
import type { Flow, Namespace } from '../../test/support/index.ts';
import { clientOf } from './client.ts';
import { clusterIp, podAddress, servicePort, targetPort } from './objects.ts';

const rounds = 12;
const flowsPerRound = 20_000;

/** New UDP flows per second. */
export interface FlowRates {
  /** To pods, past all Services: what the sender and connection tracking cost by themselves. */
  readonly direct: number;
  /** To the ClusterIPs of all Services in turn. */
  readonly service: number;
}

/**
 * New UDP flows per second that a node takes, out of a client's namespace and through the node's table. Sender and
 * kernel share one processor, so the rates are only good for comparison.
 */
export class FlowRate implements AsyncDisposable {
  readonly #client: Namespace;
  readonly #node: Namespace;
  readonly #sender: FlowSender;
  readonly #services: number;

  private constructor(client: Namespace, node: Namespace, services: number) {
    this.#client = client;
    this.#node = node;
    this.#services = services;
    this.#sender = new FlowSender(client.path);
  }

  static async create(node: Namespace, services: number): Promise<FlowRate> {
    const client = await clientOf(node);
    const rate = new FlowRate(client, node, services);
    // The first packets wait for a neighbour.
    await rate.#sender.send([...flowsTo(() => clusterIp(0), servicePort)].slice(0, 1));
    await sleep(200);
    return rate;
  }

  /** The fastest of some rounds, as what others do on the machine only ever takes away. */
  async measure(): Promise<FlowRates> {
    const toPods = [...flowsTo((flow) => podAddress((flow * 7919) % this.#services), targetPort)];
    const toServices = [...flowsTo((flow) => clusterIp((flow * 7919) % this.#services), servicePort)];
    const best = { direct: 0, service: 0 };
    for (let round = 0; round < rounds; round++) {
      best.direct = Math.max(best.direct, await this.#round(toPods));
      best.service = Math.max(best.service, await this.#round(toServices));
    }
    return best;
  }

  /** Every flow is new: connections of earlier rounds are forgotten first. */
  async #round(flows: readonly Flow[]): Promise<number> {
    await this.#node.run('conntrack', ['-F']);
    const start = performance.now();
    await this.#sender.send(flows);
    const seconds = (performance.now() - start) / 1000;
    await this.#check(flows.length);
    return flows.length / seconds;
  }

  /** Packets that were lost would make a node look fast. */
  async #check(expected: number): Promise<void> {
    const tracked = Number(await this.#node.run('conntrack', ['-C']));
    if (tracked < expected * 0.99) throw new Error(`only ${tracked} of ${expected} flows arrived`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sender[Symbol.dispose]();
    await this.#client.destroy();
  }
}

/** From 256 pods outside this node, each with fresh ports. */
function* flowsTo(destination: (flow: number) => string, port: number): Generator<Flow> {
  for (let flow = 0; flow < flowsPerRound; flow++) {
    const source = `10.255.0.${flow & 255}`;
    yield { source, sourcePort: 1024 + (flow >> 8), destination: destination(flow), port };
  }
}
