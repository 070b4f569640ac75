import { NftablesSocket } from '../../src/nftables/index.ts';
import type { Namespace } from '../../test/support/index.ts';
import { clusterIp, targetPort } from './objects.ts';
import type { Size } from './objects.ts';
import type { KernelView } from './kernel-view.ts';

/**
 * Rules of iptables in variant nft, nftproxy's or kube-proxy's: both have one rule an endpoint of a Service port that
 * translates to it, and commits are seen as those of any table.
 */
export class IptablesView implements KernelView {
  readonly #socket: NftablesSocket;
  readonly #node: Namespace;
  readonly #size: Size;

  constructor(node: Namespace, size: Size) {
    this.#socket = NftablesSocket.open({ namespacePath: node.path });
    this.#node = node;
    this.#size = size;
  }

  async generation(): Promise<number> {
    return (await this.#socket.generation()).id;
  }

  async complete(): Promise<boolean> {
    const rules = await this.#rules();
    const dispatched = new Set(rules.flatMap((rule) => / -d ([\d.]+)\/32 .*--dport /.exec(rule)?.[1] ?? []));
    const last = this.#size.services === 0 || dispatched.has(clusterIp(this.#size.services - 1));
    return last && this.#size.services * this.#size.endpoints <= translating(rules).length;
  }

  async leadsTo(_service: number, address: string): Promise<boolean> {
    return translating(await this.#rules()).some((rule) => rule.includes(` ${address}:${targetPort}`));
  }

  async count(): Promise<string> {
    const rules = await this.#rules();
    return `${rules.length} rules, ${translating(rules).length} of them to endpoints`;
  }

  close(): void {
    this.#socket.close();
  }

  /** Of table nat, IPv4. */
  async #rules(): Promise<string[]> {
    const saved = await this.#node.run('iptables-nft-save', ['-t', 'nat']);
    return saved.split('\n').filter((line) => line.startsWith('-A '));
  }
}

function translating(rules: readonly string[]): string[] {
  return rules.filter((rule) => rule.includes('--to-destination'));
}
