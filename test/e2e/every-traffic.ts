import type { Cluster } from '../cluster/index.ts';
import type { EchoServer, LoadResult, Resident } from '../support/index.ts';
import * as nftproxy from './nftproxy.ts';

const labels = { app: 'keeper' };
/** Port of the server whose connections are kept. */
const keeperPort = 9000;
const nodePorts = { echo: 30080, keeper: 30090 };

/** Services for {@link Traffic}: one for requests, one for connections that are kept. */
const services = [
  nodePortService('echo-outside', { app: 'echo' }, { port: 80, targetPort: 8080, nodePort: nodePorts.echo }),
  nodePortService('keeper', labels, { port: keeperPort, targetPort: keeperPort, nodePort: nodePorts.keeper }),
];

function nodePortService(name: string, selector: object, port: object): object {
  const spec = { type: 'NodePort', ipFamilyPolicy: 'PreferDualStack', selector, ports: [port] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec };
}

/** Where requests come from, and where they go. */
interface Way {
  readonly client: Resident;
  readonly requests: string;
  readonly keeper: readonly [address: string, port: number];
}

/**
 * Clients that use Services by every way that differs in a kernel: pods by a ClusterIP of each family, and a machine
 * outside by a NodePort. Needs the Deployment `echo`; the clients are on node-1, which is the canary, and on node-2.
 */
export class Traffic {
  readonly #ways: readonly Way[];
  readonly #server: EchoServer;
  readonly #kept: { readonly client: Resident; readonly id: number; readonly to: string }[] = [];

  private constructor(ways: readonly Way[], server: EchoServer) {
    this.#ways = ways;
    this.#server = server;
  }

  /** Makes clients, servers and Services, and waits until every way is answered. */
  static async begin(cluster: Cluster): Promise<Traffic> {
    const last = cluster.nodes.at(-1)?.name ?? '';
    const containers = [{ name: 'keeper', image: 'pause' }];
    await nftproxy.apply(cluster, ...services, {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'keeper', namespace: 'default', labels } },
      spec: { nodeName: last, terminationGracePeriodSeconds: 0, automountServiceAccountToken: false, containers },
    });
    await Promise.all([cluster.runClientPod('client', 'node-1'), cluster.runClientPod('client-6', 'node-2')]);
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/keeper', '--timeout=60s');
    const listeners = ['0.0.0.0', '::'].map((address) => ({ protocol: 'tcp', address, port: keeperPort }) as const);
    const server = await cluster.podSpace('keeper').serve(listeners);
    const [echo, keeper] = await Promise.all(['echo', 'keeper'].map((name) => nftproxy.clusterIps(cluster, name)));
    const node = '172.30.0.11';
    const [four, six, outside] = await Promise.all([
      cluster.podSpace('client').resident(),
      cluster.podSpace('client-6').resident(),
      cluster.network.outside.space.resident(),
    ]);
    const traffic = new Traffic(
      [
        { client: four, requests: `http://${echo?.[0]}/`, keeper: [keeper?.[0] ?? '', keeperPort] },
        { client: six, requests: `http://[${echo?.[1]}]/`, keeper: [keeper?.[1] ?? '', keeperPort] },
        { client: outside, requests: `http://${node}:${nodePorts.echo}/`, keeper: [node, nodePorts.keeper] },
      ],
      server,
    );
    await cluster.waitFor('every way to be answered', () => traffic.#isAnswered());
    return traffic;
  }

  async #isAnswered(): Promise<boolean> {
    const answered = this.#ways.map(async ({ client, requests, keeper: [address, port] }) => {
      const [kept] = await client.request({ protocol: 'tcp', address, port });
      return kept?.error === undefined && (await client.load(requests, 5)).failures.length === 0;
    });
    return (await Promise.all(answered)).every(Boolean);
  }

  /** Opens a connection by every way, and keeps it. */
  async keep(): Promise<void> {
    for (const { client, keeper } of this.#ways) {
      const { id } = await client.open(...keeper);
      this.#kept.push({ client, id, to: keeper.join(' port ') });
    }
  }

  /** Says something on every connection that was ever kept: those that are broken, and why. */
  async broken(): Promise<string[]> {
    const tried = this.#kept.map(async ({ client, id, to }) => {
      try {
        await client.talk(id);
        return [];
      } catch (error) {
        return [`a connection to ${to}: ${String(error)}`];
      }
    });
    return (await Promise.all(tried)).flat();
  }

  /** Asks by every way all the time while something happens, with new connections each time: what failed. */
  async failuresDuring(act: () => Promise<void>): Promise<string[]> {
    const results: LoadResult[] = [];
    const all = this.#ways.reduce(
      (inner, { client, requests }) =>
        async () => {
          results.push(await client.loadWhile(requests, inner));
        },
      act,
    );
    await all();
    const idle = results.filter(({ requests }) => requests < 20).map(() => 'there was next to no traffic');
    return [...idle, ...results.flatMap(({ failures }) => failures), ...(await this.broken())];
  }

  async end(): Promise<void> {
    await this.#server.stop();
  }
}
