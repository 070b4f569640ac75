import type { Family } from '../../services/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type {
  Applied,
  Changes,
  ConnectionCount,
  DataPlane,
  DesiredPort,
  EngineTargetState,
  Explanation,
  Fallback,
  Integrity,
  NodeSettings,
  Packet,
  Preview,
  ServedCounts,
  Started,
  Written,
} from '../data-plane.ts';
import { addWritten, nothingWritten } from '../data-plane.ts';
import { frontendOwners } from '../frontend-owners.ts';
import { familyOf } from '../../ip/index.ts';
import { variants } from '../../iptables/index.ts';
import type { Variant } from '../../iptables/index.ts';
import { prefix, tables } from './chains.ts';
import { FamilyTables } from './family-tables.ts';
import type { FamilyWritten } from './family-tables.ts';
import { KernelTables } from './kernel-tables.ts';
import { lackOf } from './lacks.ts';
import { connectionCounts, frontendsIn } from './places.ts';
import { bothFamilies, familyPreview } from './preview.ts';
import { trace } from './trace.ts';

const families = [4, 6] as const;

/** Reading all rules, to find what others changed, may take this share of the time. */
const lookingShare = 0.05;

interface Options {
  readonly log: Logger;
  /** Network namespace to work in, e.g. `/run/netns/n1`; the current one if left out. */
  readonly namespacePath?: string;
  /** The share of the time that looking for changes by others may take; 5 % unless told. */
  readonly lookingShare?: number;
}

/**
 * Mode iptables: chains named `NFTPROXY-…` in the tables nat and filter of both families, in the variant of iptables that
 * the host uses. Changes are atomic for each table; table nat comes first, and what it does not translate yet is refused.
 */
export class IptablesDataPlane implements DataPlane {
  readonly mode = 'iptables';
  readonly #kernel: KernelTables;
  readonly #log: Logger;
  readonly #lookingShare: number;
  #families: readonly FamilyTables[] = [];
  #node: NodeSettings | undefined;
  #served = new Map<string, DesiredPort>();
  /** Counts writes, so that a look at the rules knows whether one came in between. */
  #writes = 0;
  /** When the rules are looked at next, as `performance.now` has it. */
  #nextLook = 0;

  constructor(o: Options) {
    this.#log = o.log;
    this.#lookingShare = o.lookingShare ?? lookingShare;
    this.#kernel = new KernelTables(o.namespacePath === undefined ? {} : { namespacePath: o.namespacePath });
  }

  get served(): ReadonlyMap<string, DesiredPort> {
    return this.#served;
  }

  get fallbacks(): ReadonlyMap<string, Fallback> {
    const lacks = new Map<string, Fallback>();
    for (const [id, desired] of this.#served) {
      const lack = lackOf(desired);
      if (lack) lacks.set(id, lack);
    }
    return lacks;
  }

  /** Nothing that rules lack comes back by itself. */
  recoverable(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set());
  }

  servedBy(): ServedCounts {
    return { iptables: this.#served.size };
  }

  get sizes(): ReadonlyMap<string, number> {
    const sizes = new Map<string, number>();
    for (const { family, chains } of this.#families) {
      for (const table of tables) sizes.set(`${table}${family}`, 0);
      for (const [key, rules] of chains) {
        const name = `${key.slice(0, key.indexOf(' '))}${family}`;
        sizes.set(name, (sizes.get(name) ?? 0) + rules.length);
      }
    }
    return sizes;
  }

  async start(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Started> {
    this.#writes++;
    if (this.#node === undefined) await this.#kernel.probe();
    const fresh = families.map((family) => new FamilyTables(this.#kernel, family, node));
    const before = await Promise.all(
      fresh.map(async (each) => ({ each, present: await this.#kernel.read(each.family) })),
    );
    const outcomes: FamilyWritten[] = [];
    for (const { each, present } of before) outcomes.push(await each.start(ofFamily(ports, each.family), present));
    const { written, refused } = together(outcomes);
    this.#families = fresh;
    this.#node = node;
    this.#served = new Map(ports);
    for (const { id } of refused) this.#served.delete(id);
    // A host that has changed its variant since: packets would meet both.
    const own = await this.#kernel.variant();
    await this.#clear(variants.filter((variant) => variant !== own));
    const frontends = before.flatMap(({ each, present }) => frontendsIn(present.chains, each.family));
    const ownerOf = frontendOwners(this.#served.values());
    return { written, refused, removedFrontends: frontends.filter((frontend) => !ownerOf(frontend)) };
  }

  async apply(changes: Changes, retried: ReadonlySet<string> = new Set()): Promise<Applied> {
    this.#writes++;
    const outcomes: FamilyWritten[] = [];
    for (const each of this.#families) {
      const own = new Map([...changes].filter(([id, desired]) => this.#familyOf(id, desired) === each.family));
      if (own.size > 0) outcomes.push(await this.#applyTo(each, own, retried));
    }
    return together(outcomes);
  }

  async setNode(node: NodeSettings): Promise<Written> {
    this.#writes++;
    const before = this.#node ?? node;
    let written = nothingWritten;
    for (const [index, each] of this.#families.entries()) {
      try {
        written = addWritten(written, await each.setNode({ before, after: node }, ofFamily(this.#served, each.family)));
      } catch (error) {
        // The families before follow it back.
        for (const earlier of this.#families.slice(0, index)) {
          await earlier.setNode({ before: node, after: before }, ofFamily(this.#served, earlier.family));
        }
        throw error;
      }
    }
    this.#node = node;
    return written;
  }

  async verify(): Promise<Integrity> {
    const begun = performance.now();
    if (begun < this.#nextLook) return 'intact';
    const { length } = this.#families;
    const writes = this.#writes;
    const intact = await Promise.all(this.#families.map((each) => each.isIntact()));
    const now = performance.now();
    this.#nextLook = now + (now - begun) / this.#lookingShare;
    // What was read while a write was under way says nothing.
    if (writes !== this.#writes || length === 0) return 'intact';
    return intact.every(Boolean) ? 'intact' : 'changed';
  }

  async counters(): Promise<ConnectionCount[]> {
    const counts = await Promise.all(
      this.#families.map(async ({ family }) => [family, await this.#kernel.counts(family)] as const),
    );
    return connectionCounts(new Map(counts), this.#served.values());
  }

  async explain(packet: Packet): Promise<Explanation> {
    const { chains } = await this.#kernel.read(familyOf(packet.destination));
    if (chains.size === 0) {
      throw new Error(`this node has no chains ${prefix}* of iptables: has the agent written them yet?`);
    }
    return trace(chains, packet);
  }

  engineTargets(): Promise<EngineTargetState[]> {
    return Promise.resolve([]);
  }

  async preview(ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Preview> {
    const previewOf = async (family: Family): Promise<Preview> => {
      const { chains } = await this.#kernel.read(family);
      return familyPreview(family, chains, { ports: ofFamily(ports, family), node });
    };
    return bothFamilies(await previewOf(4), await previewOf(6));
  }

  async remove(): Promise<string | undefined> {
    this.#writes++;
    this.#families = [];
    this.#served = new Map();
    const removed = await this.#clear(variants);
    return removed.length === 0 ? undefined : `chains ${prefix}* of ${removed.join(' and ')}`;
  }

  close(): void {
    // It holds nothing: each program that it runs comes to its end.
  }

  async #applyTo(tablesOf: FamilyTables, changes: Changes, retried: ReadonlySet<string>): Promise<FamilyWritten> {
    const outcome = await tablesOf.apply(changes, this.#served, retried);
    const refused = new Set(outcome.refused.map(({ id }) => id));
    for (const [id, desired] of changes) {
      if (refused.has(id)) continue;
      if (desired) this.#served.set(id, desired);
      else this.#served.delete(id);
    }
    return outcome;
  }

  /** Takes away what is ours, and says of which programs' tables. */
  async #clear(among: readonly Variant[]): Promise<string[]> {
    const removed = [];
    for (const variant of among) {
      if (!(await this.#kernel.clear(variant))) continue;
      removed.push(`iptables (${variant})`);
      this.#log.info('removed our chains of iptables', { variant });
    }
    return removed;
  }

  /** Of a Service port that goes, what it was. */
  #familyOf(id: string, desired: DesiredPort | undefined): Family | undefined {
    return (desired ?? this.#served.get(id))?.port.family;
  }
}

function ofFamily(ports: ReadonlyMap<string, DesiredPort>, family: Family): Map<string, DesiredPort> {
  return new Map([...ports].filter(([, { port }]) => port.family === family));
}

function together(outcomes: readonly FamilyWritten[]): Applied {
  return {
    written: outcomes.reduce((sum, { written }) => addWritten(sum, written), nothingWritten),
    refused: outcomes.flatMap(({ refused }) => refused),
  };
}
