import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { eventually, link, Namespace } from '../../test/support/index.ts';
import type { ServerReady } from './server-place.ts';
import { endpointsOf, sliceName } from './objects.ts';
import type { Protocol, Size } from './objects.ts';

/** Where proxies reach the API server. */
const apiAddress = '172.29.255.1';

/** What a {@link BenchCluster} is put together from. */
interface Parts {
  readonly size: Size;
  readonly namespace: Namespace;
  readonly ready: ServerReady;
  readonly socketPath: string;
  readonly certificate: string;
}

/**
 * An API server with a big cluster in it, in a network namespace of its own:
 *
 * ```
 *   this process ──unix socket──> API server ──veth──> node 1 (a proxy), node 2 (another) …
 *     writes, polls the kernel    172.29.255.1         172.29.N.2
 * ```
 */
export class BenchCluster implements AsyncDisposable {
  readonly size: Size;
  readonly #namespace: Namespace;
  readonly #ready: ServerReady;
  readonly #socketPath: string;
  readonly #certificate: string;
  readonly #connections = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #nodes: Namespace[] = [];

  private constructor({ size, namespace, ready, socketPath, certificate }: Parts) {
    this.size = size;
    this.#namespace = namespace;
    this.#ready = ready;
    this.#socketPath = socketPath;
    this.#certificate = certificate;
  }

  /** Starts the server and fills it. Files go to `folder`, which must be new. */
  static async start(folder: string, size: Size, protocol: Protocol = 'TCP'): Promise<BenchCluster> {
    const namespace = await Namespace.create('api', { forwarding: true });
    await namespace.ip(`address add ${apiAddress}/32 dev lo`);
    const socketPath = join(folder, 'api.sock');
    const main = join(import.meta.dirname, 'api-server-main.ts');
    const sizes = [String(size.services), String(size.endpoints), protocol];
    const args = ['--max-old-space-size=6000', main, folder, apiAddress, socketPath, ...sizes];
    const server = namespace.start([process.execPath, ...args]);
    const line = await eventually('the API server', () => /^(\{.*\})$/m.exec(server.printed.stdout)?.[1], {
      seconds: 600,
      hopeless: () => !server.running,
      evidence: () => `; it said:\n${server.output}`,
    });
    const ready = JSON.parse(line) as ServerReady;
    return new BenchCluster({ size, namespace, ready, socketPath, certificate: await readFile(ready.caFile, 'utf8') });
  }

  get kubeconfig(): string {
    return this.#ready.kubeconfig;
  }

  /** A new node that reaches the API server. It has a way out for packets to endpoints, where they are dropped. */
  async addNode(label: string): Promise<Namespace> {
    const node = await Namespace.create(label, { forwarding: true });
    const number = this.#nodes.push(node);
    await link(this.#namespace, node, {
      a: { addresses: [`172.29.${number}.1/24`] },
      b: { addresses: [`172.29.${number}.2/24`], routes: [{ to: apiAddress, via: `172.29.${number}.1` }] },
    });
    // Without ARP packets go out with the sender's own address as destination, so the other end drops them.
    await node.ip(
      'link add sink arp off type veth peer name drain',
      'link set sink up',
      'link set drain up',
      'address add 10.127.0.1/32 dev sink',
      'route add 10.0.0.0/8 dev sink src 10.127.0.1',
    );
    return node;
  }

  /** Gives a Service's slice another first endpoint; resolves when the server has acknowledged it. */
  async replaceFirstEndpoint(service: number, address: string): Promise<void> {
    const path = `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/${sliceName(service)}`;
    await this.#patch(path, JSON.stringify({ endpoints: endpointsOf(service, this.size.endpoints, address) }));
  }

  #patch(path: string, body: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: this.#socketPath,
          agent: this.#connections,
          ca: this.#certificate,
          servername: 'localhost',
          path,
          method: 'PATCH',
          headers: {
            authorization: `Bearer ${this.#ready.token}`,
            'content-type': 'application/merge-patch+json',
            'content-length': Buffer.byteLength(body),
          },
        },
        (answer) => {
          answer.resume();
          if (answer.statusCode === 200) resolve();
          else reject(new Error(`PATCH ${path}: ${answer.statusCode}`));
        },
      );
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connections.destroy();
    for (const node of this.#nodes) await node.destroy();
    await this.#namespace.destroy();
  }
}
