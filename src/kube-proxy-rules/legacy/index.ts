import { entriesOf, legacyTablesInUse, LegacyTables } from '../../iptables/index.ts';
import { inNamespace } from '../../netlink/index.ts';
import { iptablesTables, isKubeProxyChain } from '../names.ts';
import { removeFromLegacy } from './removal.ts';

/** What of kube-proxy's is in a table of legacy iptables, or was done about it. */
export interface LegacyTable {
  readonly family: 'ip' | 'ip6';
  readonly table: string;
  readonly chains: readonly string[];
  /** As with the nf_tables variant: chains that stay because somebody else's rules lead to them. */
  readonly kept: readonly string[];
}

/** kube-proxy's chains in the tables of legacy iptables that are in use: to look at another one would make it. */
export class LegacyIptables {
  readonly #procNet: string;
  readonly #open: (family: 4 | 6) => LegacyTables;

  /**
   * @param procNet `/proc/net` of the network namespace, or what stands in for it
   * @param namespacePath the network namespace; the current one if left out
   */
  constructor(procNet: string, namespacePath?: string) {
    this.#procNet = procNet;
    const open = (family: 4 | 6): LegacyTables => new LegacyTables(family);
    this.#open = namespacePath === undefined ? open : (family) => inNamespace(namespacePath, () => open(family));
  }

  /** kube-proxy's chains, by table. Rejects with NetlinkError. */
  find(): Promise<LegacyTable[]> {
    return this.#each((tables, name) => {
      const entries = entriesOf(tables.read(name));
      const heads = entries.flatMap(({ isHead, chain }) => (isHead && chain !== undefined ? [chain] : []));
      return { chains: heads.filter((chain) => isKubeProxyChain(name, chain)), kept: [] };
    });
  }

  /** Takes them out, a table at a time; what had none is not in the answer. Rejects with NetlinkError. */
  remove(): Promise<LegacyTable[]> {
    return this.#each(removeFromLegacy);
  }

  #each(use: (tables: LegacyTables, name: string) => Pick<LegacyTable, 'chains' | 'kept'>): Promise<LegacyTable[]> {
    return Promise.resolve().then(() => this.#usedBy(use));
  }

  #usedBy(use: (tables: LegacyTables, name: string) => Pick<LegacyTable, 'chains' | 'kept'>): LegacyTable[] {
    const done: LegacyTable[] = [];
    for (const family of [4, 6] as const) {
      const inUse = new Set(legacyTablesInUse(this.#procNet, family));
      if (inUse.size === 0) continue;
      using tables = this.#open(family);
      for (const name of iptablesTables) {
        if (!inUse.has(name)) continue;
        const { chains, kept } = use(tables, name);
        if (chains.length + kept.length > 0)
          done.push({ family: family === 4 ? 'ip' : 'ip6', table: name, chains, kept });
      }
    }
    return done;
  }
}
