import type { Namespace } from '../../test/support/index.ts';
import { kernelView } from '../../src/dataplane/nftables/index.ts';
import type { TableView } from '../../src/dataplane/nftables/index.ts';
import { NftablesSocket } from '../../src/nftables/index.ts';
import { clusterIp, servicePort, targetPort } from './objects.ts';
import type { Protocol, Size } from './objects.ts';

/** What a benchmark asks the kernel about a proxy's table. Commits are noticed by the generation, which is cheap. */
export interface KernelView {
  generation(): Promise<number>;
  /** Whether the table is complete and in force. May be expensive: asked after commits only. */
  complete(): Promise<boolean>;
  /** Whether connections to a Service may go to this endpoint. */
  leadsTo(service: number, address: string): Promise<boolean>;
  /** Elements in the kernel, counted by listing them. Expensive. */
  count(): Promise<string>;
  close(): void;
}

const table = 'nftproxy';

/** nftproxy's table, read over netlink. */
export class NftproxyView implements KernelView {
  readonly #socket: NftablesSocket;
  readonly #size: Size;
  readonly #protocol: string;
  #view: TableView | undefined;

  constructor(node: Namespace, size: Size, protocol: Protocol) {
    this.#socket = NftablesSocket.open({ namespacePath: node.path });
    this.#size = size;
    this.#protocol = protocol.toLowerCase();
  }

  async generation(): Promise<number> {
    return (await this.#socket.generation()).id;
  }

  /** The chains that the kernel calls are added last. `count` shows that nothing is missing then. */
  async complete(): Promise<boolean> {
    return (await this.#socket.chains(table)).some(({ name }) => name === 'prerouting_first');
  }

  async leadsTo(service: number, address: string): Promise<boolean> {
    const frontend = `${clusterIp(service)} . ${this.#protocol} . ${servicePort}`;
    // As long as the agent runs, its sets keep their names.
    this.#view ??= await kernelView(this.#socket, table);
    for (let slot = 0; slot < this.#size.endpoints; slot++) {
      const element = await this.#view.get('endpoints4', `${frontend} . ${slot}`);
      if (element?.data === `${address} . ${targetPort}`) return true;
    }
    return false;
  }

  async count(): Promise<string> {
    const view = await kernelView(this.#socket, table);
    const [services, endpoints] = [await view.elements('services4'), await view.elements('endpoints4')];
    return `${services.length} Services, ${endpoints.length} endpoints`;
  }

  close(): void {
    this.#socket.close();
  }
}

/** kube-proxy's table, read with nft. */
export class KubeProxyView implements KernelView {
  readonly #socket: NftablesSocket;
  readonly #node: Namespace;
  readonly #size: Size;
  readonly #protocol: string;
  #chains = new Map<string, string>();

  constructor(node: Namespace, size: Size, protocol: Protocol) {
    this.#socket = NftablesSocket.open({ namespacePath: node.path });
    this.#node = node;
    this.#size = size;
    this.#protocol = protocol.toLowerCase();
  }

  async generation(): Promise<number> {
    return (await this.#socket.generation()).id;
  }

  async complete(): Promise<boolean> {
    const chains = await this.#serviceChains();
    return chains !== undefined && this.#size.services <= chains.size;
  }

  async leadsTo(service: number, address: string): Promise<boolean> {
    const chain = this.#chains.get(clusterIp(service));
    if (chain === undefined) throw new Error(`kube-proxy has no chain for ${clusterIp(service)}`);
    const text = await this.#node.run('nft', ['list', 'chain', 'ip', 'kube-proxy', chain]);
    return text.includes(`: ${address} . ${targetPort}`);
  }

  async count(): Promise<string> {
    const text = await this.#node.run('nft', ['list', 'table', 'ip', 'kube-proxy']);
    const endpoints = text.match(new RegExp(` : [\\d.]+ \\. ${targetPort}\\b`, 'g'))?.length ?? 0;
    return `${(await this.#serviceChains())?.size ?? 0} Services, ${endpoints} endpoints`;
  }

  close(): void {
    this.#socket.close();
  }

  /** Chain by ClusterIP, out of the map that dispatches; undefined as long as there is no table. */
  async #serviceChains(): Promise<Map<string, string> | undefined> {
    try {
      const text = await this.#node.run('nft', ['list', 'map', 'ip', 'kube-proxy', 'service-ips']);
      const element = new RegExp(`([\\d.]+) \\. ${this.#protocol} \\. ${servicePort} : goto (\\S+?),?\\s`, 'g');
      this.#chains = new Map([...text.matchAll(element)].map(([, ip = '', chain = '']) => [ip, chain]));
    } catch (error) {
      if (!String(error).includes('No such file or directory')) throw error;
      return undefined;
    }
    return this.#chains;
  }
}
