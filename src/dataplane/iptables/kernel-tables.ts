import { hostVariant, Iptables } from '../../iptables/index.ts';
import type { SavedTables, Variant } from '../../iptables/index.ts';
import { NftablesSocket } from '../../nftables/index.ts';
import type { Family } from '../../services/index.ts';
import { inTable, partsOf, prefix, tables } from './chains.ts';
import type { ChainKey, Rules } from './chains.ts';
import { hooks } from './constant.ts';
import type { Hook } from './constant.ts';
import { editsOf } from './edits.ts';
import type { Edits } from './edits.ts';
import { probeInput } from './probe.ts';

/** What of ours is in one family's tables. */
export interface Present {
  readonly chains: ReadonlyMap<ChainKey, Rules>;
  /** Ways to us that are to be taken out, and to be made; the same one in both if it is at the wrong place. */
  readonly hooks: { readonly insert: readonly Hook[]; readonly remove: readonly Hook[] };
  /** Every way to us that there is. */
  readonly ways: readonly Hook[];
}

/** Where a probe has passed, and in which variant: what programs and kernel have is asked for by preflight and by a start. */
const passed = new Set<string>();

/** Packets that a rule of table nat saw, by `chain rule`. */
export type Counts = ReadonlyMap<string, number>;

/** The host's tables of iptables, and our chains in them. */
export class KernelTables {
  readonly #place: { namespacePath?: string };
  readonly #iptables: Iptables;
  #variant: Variant | undefined;

  /** @param o.namespacePath network namespace to work in; the current one if left out */
  constructor(o: { namespacePath?: string }) {
    this.#place = o;
    this.#iptables = new Iptables(o);
  }

  /** The variant in which we write: the host's, found out once. */
  async variant(): Promise<Variant> {
    return (this.#variant ??= await this.#findVariant());
  }

  /** The programs of variant nft fail on a kernel that has no nf_tables, even asked what there is. */
  async #findVariant(): Promise<Variant> {
    return (await this.#withNftables((socket) => socket.isSupported())) ? hostVariant(this.#iptables) : 'legacy';
  }

  /** Whether the programs are there, and they and the kernel have all that rules are made of; asked until they have. @throws Error that names it */
  async probe(): Promise<void> {
    const variant = await this.variant();
    const where = `${variant} ${this.#place.namespacePath ?? ''}`;
    if (passed.has(where)) return;
    for (const family of [4, 6] as const) await this.#iptables.test({ variant, family }, probeInput(family));
    passed.add(where);
  }

  async read(family: Family): Promise<Present> {
    return presentIn(await this.#iptables.save({ variant: await this.variant(), family }));
  }

  async write(family: Family, edits: Edits): Promise<void> {
    if (edits.input === '') return;
    await this.#iptables.restore({ variant: await this.variant(), family }, edits.input);
  }

  async counts(family: Family): Promise<Counts> {
    const saved = await this.#iptables.save({ variant: await this.variant(), family }, { counters: true });
    const ours = [...(saved.get('nat') ?? [])].filter(([name]) => name.startsWith(prefix));
    return new Map(ours.flatMap(([name, rules]) => rules.map(({ text, packets = 0 }) => [`${name} ${text}`, packets])));
  }

  /**
   * Takes away what is ours of a variant: its chains, and the ways there.
   *
   * @returns whether there was anything
   */
  async clear(variant: Variant): Promise<boolean> {
    const cleared = [];
    for (const family of [4, 6] as const) {
      cleared.push(variant === 'legacy' ? this.#clearLegacy(family) : await this.#clearNft(family));
    }
    return cleared.some(Boolean);
  }

  /** Asked of the kernel itself: other modes ask at each of their starts, and the program reads all rules of everybody. */
  #hasNftChains(): Promise<boolean> {
    return this.#withNftables(
      async (socket) =>
        (await socket.isSupported()) && (await socket.allChains()).some(({ name }) => name.startsWith(prefix)),
    );
  }

  async #withNftables<Result>(use: (socket: NftablesSocket) => Promise<Result>): Promise<Result> {
    const socket = NftablesSocket.open(this.#place);
    try {
      return await use(socket);
    } finally {
      socket.close();
    }
  }

  /** An agent that writes nothing to legacy iptables has not the right to run its programs (NET_RAW). */
  #clearLegacy(family: Family): boolean {
    return this.#iptables.removeLegacyChains(family, prefix).length > 0;
  }

  async #clearNft(family: Family): Promise<boolean> {
    if (!(await this.#hasNftChains())) return false;
    const place = { variant: 'nft', family } as const;
    const { chains, ways } = presentIn(await this.#iptables.save(place));
    if (chains.size + ways.length === 0) return false;
    const gone = new Map([...chains.keys()].map((key) => [key, undefined] as const));
    await this.#iptables.restore(place, editsOf(chains, gone, { remove: ways }).input);
    return true;
  }
}

function presentIn(saved: SavedTables): Present {
  const chains = new Map<ChainKey, Rules>();
  for (const table of tables) {
    for (const [name, rules] of saved.get(table) ?? []) {
      if (name.startsWith(prefix))
        chains.set(
          inTable(table, name),
          rules.map(({ text }) => text),
        );
    }
  }
  const ways = hooks.flatMap((hook) =>
    rulesIn(saved, hook)
      .filter((text) => text === hook.rule)
      .map(() => hook),
  );
  const wrong = hooks.filter((hook) => !isRight(hook, rulesIn(saved, hook)));
  return { chains, ways, hooks: { insert: wrong, remove: ways.filter((way) => wrong.includes(way)) } };
}

function rulesIn(saved: SavedTables, { chain }: Hook): string[] {
  const [table, name] = partsOf(chain);
  return (saved.get(table)?.get(name) ?? []).map(({ text }) => text);
}

/** Once, and before kube-proxy's: what it has translated is none of ours any more. */
function isRight({ rule }: Hook, rules: Rules): boolean {
  const place = rules.indexOf(rule);
  const kubeProxy = rules.findIndex((each) => /-j KUBE-/.test(each));
  return place !== -1 && place === rules.lastIndexOf(rule) && (kubeProxy === -1 || place < kubeProxy);
}
