import { NetlinkError } from '../../netlink/index.ts';
import type { SetInfo } from '../../nftables/index.ts';
import type { DesiredPort, Integrity, NodeSettings } from '../data-plane.ts';
import { elementsById } from './element-map.ts';
import type { Generation } from './generation.ts';
import { takeInventory } from './inventory.ts';
import { signatureOf } from './layout.ts';
import { requiredDefinition } from './sets.ts';
import type { Sizes } from './sizes.ts';
import { baseChainsOf, isCalledAlike } from './switch.ts';
import type { TableSocket } from './table-socket.ts';
import { targetOf } from './target.ts';

/** What the table is to hold. */
export interface Expected {
  readonly generation: Generation;
  readonly sizes: Sizes;
  readonly ports: ReadonlyMap<string, DesiredPort>;
  readonly node: NodeSettings;
}

/** Comparing all elements may take this part of the time: it costs what there is, not what somebody else did. */
const share = 0.05;

/**
 * Finds out whether somebody else changed our table. Where the kernel does not prevent it, everybody's commits count up
 * one generation number, so that each of them is a reason to look: at sets and the number of their elements, chains and
 * rules at once, at all elements as often as their number allows.
 */
export class Audit {
  readonly #tables: TableSocket;
  readonly #isWriting: () => boolean;
  /** What others may have changed and nobody has looked at since. */
  readonly #unsure = { rules: false, elements: false };
  #restUntil = 0;

  /** @param isWriting whether what is expected and what the kernel holds are just being changed */
  constructor(tables: TableSocket, isWriting: () => boolean) {
    this.#tables = tables;
    this.#isWriting = isWriting;
  }

  async verify(expected: Expected): Promise<Integrity> {
    if (this.#tables.owned) return 'intact';
    if (await this.#tables.foreignCommits()) this.#unsure.rules = this.#unsure.elements = true;
    if (this.#unsure.rules) {
      const integrity = await this.#look('rules', () => this.#sameRules(expected));
      if (integrity === 'changed') return integrity;
    }
    if (!this.#unsure.elements || performance.now() < this.#restUntil) return 'intact';
    const start = performance.now();
    const integrity = await this.#look('elements', () => this.#sameElements(expected));
    const now = performance.now();
    this.#restUntil = now + (now - start) / share;
    return integrity;
  }

  /** What we wrote ourselves during the look may be all that it has met: then the next one tells. */
  async #look(part: 'rules' | 'elements', isSame: () => Promise<boolean>): Promise<Integrity> {
    if (this.#isWriting()) return 'intact';
    const { commits } = this.#tables;
    const same = await isSame().catch(isNotThere);
    if (!same && (this.#isWriting() || commits !== this.#tables.commits)) return 'intact';
    this.#unsure[part] = false;
    if (same) return 'intact';
    // A start puts everything right.
    this.#unsure.elements = false;
    return 'changed';
  }

  async #sameRules({ generation, sizes }: Expected): Promise<boolean> {
    const { socket, table } = this.#tables;
    const ours = (await socket.tables()).find(({ family, name }) => family === 'inet' && name === table);
    // Whoever deleted the table has deleted everything; whoever made it dormant has switched everything off.
    if (!ours || ours.flags.dormant) return false;
    const { sets, chains } = await takeInventory(this.#tables);
    const present = new Map(sets.map((set) => [set.name, set]));
    const isWhole = (name: string): boolean => hasAll(present.get(generation.set(name)), sizes.of(name));
    if (![...generation.layout.setNames].every(isWhole)) return false;
    const signatures = new Map(chains.map(({ name }) => [name, '']));
    for (const { chain, fingerprint } of await socket.rules(table)) {
      signatures.set(chain, `${signatures.get(chain) ?? ''}${fingerprint ?? '?'};`);
    }
    const isSame = ([name, signature]: readonly [string, string]): boolean => signatures.get(name) === signature;
    return (
      [...generation.layout.signatures].every(([name, signature]) => isSame([generation.chain(name), signature])) &&
      baseChainsOf(generation).every(
        (each) =>
          isSame([each.chain.name, signatureOf(each)]) && chains.some((chain) => isCalledAlike(each.chain, chain)),
      )
    );
  }

  async #sameElements({ generation, ports, node }: Expected): Promise<boolean> {
    const { elements, plan } = targetOf(ports, node);
    const wanted = elementsById([...elements, ...plan.rooms.flatMap((room) => room.elements?.() ?? [])]);
    for (const definition of [...generation.layout.setNames].map(requiredDefinition)) {
      if (definition.dynamic === true) continue;
      for (const element of await generation.elements(definition)) {
        const want = wanted.get(element);
        if (!want || want.data !== element.data) return false;
        wanted.delete(element);
      }
    }
    return wanted.values().next().done === true;
  }
}

/** Whether a set is there, with as many elements as it is to have: who flushes it is found out at once, however large. */
function hasAll(set: SetInfo | undefined, size: number | undefined): boolean {
  if (set === undefined) return false;
  const counted = set.definition?.interval === true || set.definition?.dynamic === true ? undefined : set.count;
  return size === undefined || counted === undefined || counted === size;
}

/** A set that is gone while it is read is a difference like any other. */
function isNotThere(error: unknown): false {
  if (error instanceof NetlinkError && error.code === 'ENOENT') return false;
  throw error;
}
