import { NetlinkError } from '../../netlink/index.ts';
import type { Element, SetInfo } from '../../nftables/index.ts';
import type { DesiredPort, Integrity, NodeSettings } from '../data-plane.ts';
import { isCalledAlike } from './base-chains.ts';
import { ElementMap } from './element-map.ts';
import { fastPathChain, flowtableName } from './fast-path-rules.ts';
import type { Generation } from './generation.ts';
import { takeInventory } from './inventory.ts';
import { signatureOf } from './layout.ts';
import { requiredDefinition } from './sets.ts';
import type { Sizes } from './sizes.ts';
import { baseChainsOf } from './switch.ts';
import { Suspicions } from './suspicions.ts';
import type { Touched } from './suspicions.ts';
import type { TableSocket } from './table-socket.ts';
import { wantedElements } from './wanted.ts';

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
 * Finds out whether somebody else changed our table. Where the kernel does not prevent it, it tells of every change:
 * rules are looked at, or the very elements that were touched, at once. Only where it had to leave something out
 * (somebody wrote more than the queue holds), or very many elements were touched, all are compared, as often as their
 * number allows.
 */
export class Audit {
  readonly #tables: TableSocket;
  readonly #isWriting: () => boolean;
  readonly #devices: () => number;
  readonly #suspicions = new Suspicions();
  #restUntil = 0;

  /**
   * @param isWriting whether what is expected and what the kernel holds are just being changed
   * @param devices how many the flowtable has, if there is one
   */
  constructor(tables: TableSocket, isWriting: () => boolean, devices: () => number) {
    this.#tables = tables;
    this.#isWriting = isWriting;
    this.#devices = devices;
  }

  async verify(expected: Expected): Promise<Integrity> {
    if (this.#tables.owned) return 'intact';
    for (const change of this.#tables.foreignChanges()) this.#suspicions.note(change);
    for (const look of [this.#lookAtRules, this.#lookAtTouched, this.#lookAtElements]) {
      if (this.#isWriting()) return 'intact';
      if ((await look.call(this, expected)) === 'changed') return 'changed';
    }
    return 'intact';
  }

  async #lookAtRules(expected: Expected): Promise<Integrity> {
    if (!this.#suspicions.rules) return 'intact';
    this.#suspicions.rules = false;
    const found = await this.#look(() => this.#sameRules(expected));
    if (found === 'unsure') this.#suspicions.rules = true;
    return this.#conclude(found);
  }

  async #lookAtTouched(expected: Expected): Promise<Integrity> {
    const touched = this.#suspicions.takeTouched();
    if (touched.size === 0) return 'intact';
    const found = await this.#look(() => this.#sameTouched(expected, touched));
    if (found === 'unsure') this.#suspicions.putBack(touched);
    return this.#conclude(found);
  }

  async #lookAtElements(expected: Expected): Promise<Integrity> {
    const start = performance.now();
    if (!this.#suspicions.elements || start < this.#restUntil) return 'intact';
    this.#suspicions.elements = false;
    const found = await this.#look(() => this.#sameElements(expected));
    if (found === 'unsure') this.#suspicions.elements = true;
    const now = performance.now();
    this.#restUntil = now + (now - start) / share;
    return this.#conclude(found);
  }

  /** A start puts everything right. */
  #conclude(found: Integrity | 'unsure'): Integrity {
    if (found !== 'changed') return 'intact';
    this.#suspicions.elements = this.#suspicions.rules = false;
    this.#suspicions.takeTouched();
    return 'changed';
  }

  /** What we wrote ourselves during the look may be all that it has met: then the next one tells. */
  async #look(isSame: () => Promise<boolean>): Promise<Integrity | 'unsure'> {
    const { commits } = this.#tables;
    const same = await isSame().catch(isNotThere);
    if (same) return 'intact';
    return this.#isWriting() || commits !== this.#tables.commits ? 'unsure' : 'changed';
  }

  async #sameRules({ generation, sizes }: Expected): Promise<boolean> {
    const { socket, table } = this.#tables;
    const ours = (await socket.tables()).find(({ family, name }) => family === 'inet' && name === table);
    // Whoever deleted the table has deleted everything; whoever made it dormant has switched everything off.
    if (!ours || ours.flags.dormant) return false;
    if (!(await this.#hasFlowtable(generation))) return false;
    const { sets, chains } = await takeInventory(this.#tables);
    const present = new Map(sets.map((set) => [set.name, set]));
    const isWhole = (name: string): boolean => hasAll(present.get(generation.set(name)), sizes.of(name));
    if (![...generation.layout.setNames].every(isWhole)) return false;
    const signatures = new Map(chains.map(({ name }) => [name, '']));
    for (const { chain, fingerprint } of await socket.rules(table)) {
      signatures.set(chain, `${signatures.get(chain) ?? ''}${fingerprint ?? '?'};`);
    }
    const isSame = ([name, signature]: readonly [string, string]): boolean => signatures.get(name) === signature;
    const wanted = baseChainsOf(generation);
    // One more than ours is asked about packets, too. Other chains are asked only where one of ours leads there.
    return (
      chains.filter(({ base }) => base).length === wanted.length &&
      [...generation.layout.signatures].every(([name, signature]) => isSame([generation.chain(name), signature])) &&
      wanted.every(
        (each) =>
          isSame([each.chain.name, signatureOf(each)]) && chains.some((chain) => isCalledAlike(each.chain, chain)),
      )
    );
  }

  /** With all its devices: somebody may have taken one out. */
  async #hasFlowtable(generation: Generation): Promise<boolean> {
    if (!generation.layout.hasChain(fastPathChain)) return true;
    const { socket, table } = this.#tables;
    const ours = (await socket.flowtables(table)).find(({ name }) => name === flowtableName);
    return ours !== undefined && ours.devices.length >= this.#devices();
  }

  /** Touched elements of sets that packets do not meet are nobody's business. */
  async #sameTouched(expected: Expected, touched: Touched): Promise<boolean> {
    const { generation } = expected;
    const concerned = [...generation.layout.setNames].flatMap((name) => {
      const keys = touched.get(generation.set(name));
      return keys === undefined ? [] : [[name, keys] as const];
    });
    if (concerned.length === 0) return true;
    const byName = new Map(concerned);
    const wanted = await this.#wanted(expected, ({ set, key }) => {
      const keys = byName.get(set);
      return keys === 'all' || keys?.has(key) === true;
    });
    for (const [name, keys] of concerned) {
      const definition = requiredDefinition(name);
      const there =
        keys === 'all' ? await generation.elements(definition) : await generation.elementsByKey(definition, keys);
      if (!takeEach(there, wanted)) return false;
    }
    return wanted.isEmpty;
  }

  async #sameElements(expected: Expected): Promise<boolean> {
    const { generation } = expected;
    const wanted = await this.#wanted(expected, () => true);
    for (const definition of [...generation.layout.setNames].map(requiredDefinition)) {
      if (definition.dynamic !== true && !takeEach(await generation.elements(definition), wanted)) return false;
    }
    return wanted.isEmpty;
  }

  async #wanted(expected: Expected, isAskedFor: (element: Element) => boolean): Promise<ElementMap<Element>> {
    const wanted = new ElementMap<Element>();
    for await (const part of wantedElements(expected)) {
      for (const element of part) if (isAskedFor(element)) wanted.set(element, element);
    }
    return wanted;
  }
}

/** Takes what is there out of what is wanted; false if it is something else. */
function takeEach(there: readonly Element[], wanted: ElementMap<Element>): boolean {
  for (const element of there) {
    const want = wanted.get(element);
    if (!want || want.data !== element.data) return false;
    wanted.delete(element);
  }
  return true;
}

/** Whether a set is there, with as many elements as it is to have: who flushes it is found out at once, however large. */
function hasAll(set: SetInfo | undefined, size: number | undefined): boolean {
  if (set === undefined) return false;
  const counted = set.definition?.interval === true || set.definition?.dynamic === true ? undefined : set.count;
  return size === undefined || counted === undefined || counted === size;
}

/** A set that is gone while it is read, or whose elements are not of its type, is a difference like any other. */
function isNotThere(error: unknown): false {
  if (error instanceof NetlinkError && ['ENOENT', 'EBADMSG'].includes(error.code)) return false;
  throw error;
}
