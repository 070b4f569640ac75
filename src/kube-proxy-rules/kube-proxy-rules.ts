import { NetlinkError } from '../netlink/index.ts';
import { NftablesSocket, sameNames, Transaction } from '../nftables/index.ts';
import type { ChainInTable, IpTableFamily } from '../nftables/index.ts';
import { iptablesTransaction, planIptablesRemoval, removesAnything } from './iptables-removal.ts';
import { KubeProxyIpvs } from './ipvs/index.ts';
import type { IpvsLeftovers } from './ipvs/index.ts';
import { LegacyIptables } from './legacy/index.ts';
import { iptablesTables, isKubeProxyChain, nftablesTable } from './names.ts';

const families = ['ip', 'ip6'] as const;
/** Others commit all the time; each of their commits between reading and writing makes one more attempt. */
const attempts = 20;

/** A table of iptables that has chains of kube-proxy's, and how many. */
export interface FoundTable {
  readonly family: IpTableFamily;
  readonly table: string;
  readonly chains: number;
}

/** What of kube-proxy's is in the kernel. */
export interface FoundRules {
  /** Tables of its mode nftables: `ip kube-proxy`. */
  readonly tables: readonly string[];
  /** Of mode iptables or ipvs. */
  readonly iptables: readonly FoundTable[];
  /** The same in legacy iptables, which is no part of nf_tables. */
  readonly legacy: readonly FoundTable[];
  readonly ipvs: IpvsLeftovers | undefined;
}

/** What was done about it. */
export interface RemovedRules {
  /** For people: `table ip kube-proxy`, `26 chains of ip nat`. */
  readonly removed: readonly string[];
  /** Chains that stay because somebody else's rules lead to them: `KUBE-MARK-MASQ (from CNI-HOSTPORT) in ip nat`. */
  readonly kept: readonly string[];
}

/**
 * kube-proxy's rules of all its modes in this node's kernel, by system calls: neither nft nor iptables, ipset or ipvsadm is
 * needed. Only what has kube-proxy's own names is touched.
 */
export class KubeProxyRules {
  readonly #open: () => NftablesSocket;
  readonly #legacy: LegacyIptables;
  readonly #ipvs: KubeProxyIpvs;

  /** @param o.namespacePath network namespace to work in; the current one if left out */
  constructor(o: { namespacePath?: string; procNet?: string } = {}) {
    const options = o.namespacePath === undefined ? {} : { namespacePath: o.namespacePath };
    this.#open = () => NftablesSocket.open(options);
    this.#legacy = new LegacyIptables(o.procNet ?? '/proc/net', o.namespacePath);
    this.#ipvs = new KubeProxyIpvs(options);
  }

  /** Looks what is there. Rejects with NetlinkError when the kernel does not tell. */
  async find(): Promise<FoundRules> {
    return this.#with(async (socket) => {
      const isSupported = await socket.isSupported();
      const tables = isSupported ? (await socket.tables()).filter(({ name }) => name === nftablesTable) : [];
      const chains = isSupported ? iptablesChains(await socket.allChains()) : [];
      return {
        tables: tables.map(({ family, name }) => `${family} ${name}`),
        iptables: [...Map.groupBy(chains, ({ family, table }) => `${family} ${table}`).values()].flatMap((found) => {
          const [first] = found;
          return first ? [{ family: first.family, table: first.table, chains: found.length }] : [];
        }),
        legacy: (await this.#legacy.find()).map((found) => ({ ...found, chains: found.chains.length })),
        ipvs: await this.#ipvs.find(),
      };
    });
  }

  /**
   * Takes kube-proxy's rules out, a table in one transaction. First goes what translates and masquerades, then what
   * filters, so that nothing is let through that was to be dropped. Whoever serves Services must be in place before.
   *
   * Connections that kube-proxy has translated go on: their translation is in conntrack. Those through IPVS do not, so that
   * virtual servers with such stay, with the sets and the interface; call it again later. Rejects with NetlinkError when
   * the kernel refuses; tables before that are clean, and it can be called again.
   */
  async remove(): Promise<RemovedRules> {
    return this.#with(async (socket) => {
      const { removed, kept } = await removeFromNftables(socket);
      for (const { family, table, ...plan } of await this.#legacy.remove()) {
        if (plan.chains.length > 0) removed.push(`${plan.chains.length} chains of legacy ${family} ${table}`);
        kept.push(...plan.kept.map((chain) => `${chain} in legacy ${family} ${table}`));
      }
      removed.push(...(await this.#ipvs.remove()));
      return { removed, kept };
    });
  }

  async #with<Result>(use: (socket: NftablesSocket) => Promise<Result>): Promise<Result> {
    const socket = this.#open();
    try {
      return await use(socket);
    } finally {
      socket.close();
    }
  }
}

/** What is in nf_tables: of mode nftables, and of the others where iptables is of variant nft. */
async function removeFromNftables(socket: NftablesSocket): Promise<{ removed: string[]; kept: string[] }> {
  const removed: string[] = [];
  const kept: string[] = [];
  if (!(await socket.isSupported())) return { removed, kept };
  for (const family of ['ip', 'ip6', 'inet'] as const) {
    if (await removeTable(socket, family)) removed.push(`table ${family} ${nftablesTable}`);
  }
  for (const table of iptablesTables) {
    for (const family of families) {
      const plan = await removeFromIptables(socket, family, table);
      if (plan.chains.length > 0) removed.push(`${plan.chains.length} chains of ${family} ${table}`);
      kept.push(...plan.kept.map((chain) => `${chain} in ${family} ${table}`));
    }
  }
  return { removed, kept };
}

function iptablesChains(chains: readonly ChainInTable[]): (ChainInTable & { family: 'ip' | 'ip6' })[] {
  return chains.flatMap((chain) => {
    const family = families.find((name) => name === chain.family);
    return family !== undefined && isKubeProxyChain(chain.table, chain.name) ? [{ ...chain, family }] : [];
  });
}

async function removeTable(socket: NftablesSocket, family: IpTableFamily): Promise<boolean> {
  const tables = await socket.tables();
  if (!tables.some((table) => table.name === nftablesTable && table.family === family)) return false;
  try {
    await socket.commit(new Transaction(nftablesTable, sameNames, family).deleteTable());
    return true;
  } catch (error) {
    // Somebody else was quicker.
    if (error instanceof NetlinkError && error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Reads and writes again as long as somebody commits in between: what was read must be what is written to. */
async function removeFromIptables(socket: NftablesSocket, family: 'ip' | 'ip6', name: string) {
  for (let attempt = 1; ; attempt++) {
    const { id: expectedGeneration } = await socket.generation();
    const chains = (await socket.allChains()).filter((chain) => chain.family === family && chain.table === name);
    const ours = chains.some((chain) => isKubeProxyChain(name, chain.name));
    const table = { family, name, chains, rules: ours ? await socket.rulesOf(family, name) : [] };
    const removal = planIptablesRemoval(table);
    try {
      if (removesAnything(removal)) {
        await socket.commit(iptablesTransaction(table, removal), { expectedGeneration });
      }
      return removal;
    } catch (error) {
      const changed = error instanceof NetlinkError && error.code === 'ERESTART';
      if (!changed || attempt === attempts) throw error;
    }
  }
}
