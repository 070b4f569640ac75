import type { DesiredPort, Integrity, NodeSettings } from '../data-plane.ts';
import type { RenderedChain } from './base-chains.ts';
import { elementsById } from './element-map.ts';
import type { Generation } from './generation.ts';
import { takeInventory } from './inventory.ts';
import { signatureOf } from './layout.ts';
import { requiredDefinition } from './sets.ts';
import { baseChainsOf } from './switch.ts';
import type { TableSocket } from './table-socket.ts';
import { targetOf } from './target.ts';

/** What the table is to hold. */
export interface Expected {
  readonly generation: Generation;
  readonly ports: ReadonlyMap<string, DesiredPort>;
  readonly node: NodeSettings;
}

/** Comparing all elements may take this part of the time: it costs what there is, not what somebody else did. */
const share = 0.05;

/**
 * Finds out whether somebody else changed our table. Where the kernel does not prevent it, everybody's commits count up
 * one generation number, so that each of them is a reason to look: at sets, chains and rules at once, at all elements as
 * often as their number allows.
 */
export class Audit {
  readonly #tables: TableSocket;
  #unsure = false;
  #restUntil = 0;

  constructor(tables: TableSocket) {
    this.#tables = tables;
  }

  async verify(expected: Expected): Promise<Integrity> {
    if (this.#tables.owned) return 'intact';
    if (await this.#tables.foreignCommits()) {
      this.#unsure = true;
      if (!(await this.#sameRules(expected))) return this.#settled('changed');
    }
    if (!this.#unsure || performance.now() < this.#restUntil) return 'intact';
    return this.#compareElements(expected);
  }

  #settled(integrity: Integrity): Integrity {
    this.#unsure = false;
    return integrity;
  }

  async #sameRules({ generation }: Expected): Promise<boolean> {
    const { socket, table } = this.#tables;
    const ours = (await socket.tables()).find(({ family, name }) => family === 'inet' && name === table);
    // Whoever deleted the table has deleted everything; whoever made it dormant has switched everything off.
    if (!ours || ours.flags.dormant) return false;
    const { sets, chains } = await takeInventory(this.#tables);
    const present = new Set(sets.map(({ name }) => name));
    if (![...generation.layout.setNames].every((name) => present.has(generation.set(name)))) return false;
    const signatures = new Map(chains.map(({ name }) => [name, '']));
    for (const { chain, fingerprint } of await socket.rules(table)) {
      signatures.set(chain, `${signatures.get(chain) ?? ''}${fingerprint ?? '?'};`);
    }
    const isSame = ([name, signature]: readonly [string, string]): boolean => signatures.get(name) === signature;
    return (
      [...generation.layout.signatures].every(([name, signature]) => isSame([generation.chain(name), signature])) &&
      baseChainsOf(generation).every((chain: RenderedChain) => isSame([chain.chain.name, signatureOf(chain)]))
    );
  }

  async #compareElements(expected: Expected): Promise<Integrity> {
    const start = performance.now();
    const { commits } = this.#tables;
    const same = await this.#sameElements(expected);
    const now = performance.now();
    this.#restUntil = now + (now - start) / share;
    // What was written meanwhile is no surprise; the next look tells.
    if (!same && commits !== this.#tables.commits) return 'intact';
    return this.#settled(same ? 'intact' : 'changed');
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
