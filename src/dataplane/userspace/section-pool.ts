import { kindText, listenerOf, sectionName } from '../../haproxy/index.ts';
import type { Section, SectionKind, SectionState, Server } from '../../haproxy/index.ts';
import type { EngineTarget, EngineTargets } from '../data-plane.ts';

/** Which of a Service port's lists of endpoints. */
export type Scope = keyof EngineTargets;

/** Who needs a section. */
export interface Tenant {
  /** Of the Service port. */
  readonly id: string;
  readonly scope: Scope;
  readonly kind: SectionKind;
}

/** A section, and what is to be in it. */
export interface PooledSection extends Section {
  servers: ReadonlyMap<string, Server>;
  /** It has been closed, and is of no use before the next reload. */
  spent: boolean;
  /** The id of the Service port that has it, or had it last since HAProxy read its configuration. */
  owner?: string;
}

/** Sections of a kind that are made at the least, so that the next Services of that kind find one. */
const least = 8;

/**
 * Pre-made sections: who has which. A section of the right kind is free if nobody has it and it is not spent; when there
 * are not enough, the pool grows, for which HAProxy has to reload. With a reload it gets smaller, too.
 */
export class SectionPool {
  readonly #sections = new Map<string, PooledSection>();
  /** The tenants' sections by `id scope`, and the tenant of a section by its name. */
  readonly #homes = new Map<string, PooledSection>();
  readonly #taken = new Set<PooledSection>();
  readonly #byTarget = new Map<string, PooledSection>();

  /** All sections, in the order in which they were made. */
  get sections(): Iterable<PooledSection> {
    return this.#sections.values();
  }

  get size(): number {
    return this.#sections.size;
  }

  /** Takes over what a HAProxy has. Tenants keep their sections if these are still there. */
  adopt(states: ReadonlyMap<string, SectionState>): void {
    const owners = new Map([...this.#sections].map(([name, { owner }]) => [name, owner]));
    this.#sections.clear();
    this.#byTarget.clear();
    for (const [name, { kind, number, servers, closed }] of states) {
      const staying = [...servers].filter(([, { leaving }]) => !leaving);
      const owner = owners.get(name);
      const section = { kind, number, spent: closed, ...(owner !== undefined && { owner }) };
      this.#add({ ...section, servers: new Map(staying.map(([name, server]) => [name, serverOf(server)])) });
    }
    const homes = [...this.#homes];
    this.#homes.clear();
    this.#taken.clear();
    for (const [key, former] of homes) {
      const section = this.#sections.get(sectionName(former));
      if (section && !section.spent) this.#settle(key, section);
    }
  }

  /** Gives a tenant the section that listens at a target, as the table has it already. */
  claim(id: string, scope: Scope, target: EngineTarget): void {
    const section = this.at(target);
    if (section && !section.spent && !this.#taken.has(section)) this.#settle(keyOf(id, scope), section);
  }

  /** The section that listens at a target. */
  at({ address, port }: EngineTarget): PooledSection | undefined {
    return this.#byTarget.get(`${address} ${port}`);
  }

  /** Makes sections until all of these tenants find one. False if there are enough. */
  growFor(tenants: readonly Tenant[]): boolean {
    const wanting = tenants.filter((tenant) => !this.#home(tenant));
    let grown = false;
    for (const [text, ofKind] of Map.groupBy(wanting, ({ kind }) => kindText(kind))) {
      const present = [...this.#sections.values()].filter((each) => kindText(each.kind) === text);
      const free = present.filter((section) => this.#isFree(section)).length;
      if (free >= ofKind.length) continue;
      grown = true;
      // A reload makes those of use again that are spent.
      const used = present.filter((section) => this.#taken.has(section)).length + ofKind.length;
      const [{ kind } = { kind: undefined }] = ofKind;
      for (let more = sizeFor(used) - present.length; kind && more > 0; more--) this.#make(kind);
    }
    return grown;
  }

  /**
   * Gives back what nobody needs, as HAProxy is about to read its configuration anew. Of each kind as many stay as would be made for
   * who has one and these tenants, of a kind that nobody has none.
   */
  shrink(tenants: readonly Tenant[]): void {
    const wanting = Map.groupBy(
      tenants.filter((tenant) => !this.#home(tenant)),
      ({ kind }) => kindText(kind),
    );
    for (const [text, present] of Map.groupBy(this.#sections.values(), ({ kind }) => kindText(kind))) {
      const idle = present.filter(
        (section) => !this.#taken.has(section) && (section.spent || section.servers.size === 0),
      );
      const used = present.length - idle.length + (wanting.get(text)?.length ?? 0);
      const spare = Math.max(present.length - (used === 0 ? 0 : sizeFor(used)), 0);
      // Those with the highest numbers, as the lowest ones that are free are given out.
      const inOrder = idle.toSorted((one, other) => other.number - one.number);
      for (const section of inOrder.slice(0, spare)) this.#drop(section);
    }
  }

  /** HAProxy has read its configuration anew. */
  renewed(): void {
    for (const section of this.#sections.values()) {
      if (section.spent) {
        section.servers = new Map();
        delete section.owner;
      }
      section.spent = false;
    }
  }

  /** The section of a tenant, which has it from now on; undefined if none is free. */
  assign(tenant: Tenant): PooledSection | undefined {
    const present = this.#home(tenant);
    if (present) return present;
    const text = kindText(tenant.kind);
    const free = [...this.#sections.values()].find((each) => kindText(each.kind) === text && this.#isFree(each));
    if (free) this.#settle(keyOf(tenant.id, tenant.scope), free);
    return free;
  }

  /** Nobody has it any more. */
  vacate(section: PooledSection): void {
    this.#taken.delete(section);
    for (const [key, home] of this.#homes) if (home === section) this.#homes.delete(key);
  }

  /** Sections of a Service port. */
  of(id: string): PooledSection[] {
    return (['cluster', 'local'] as const).flatMap((scope) => this.#homes.get(keyOf(id, scope)) ?? []);
  }

  /** Sections that have servers, and nobody who needs them. */
  abandoned(): PooledSection[] {
    return [...this.#sections.values()].filter(
      (section) => !section.spent && section.servers.size > 0 && !this.#taken.has(section),
    );
  }

  /** Service ports are gone: sections that they have, or had last, are nobody's. */
  disown(ids: readonly string[]): void {
    const gone = new Set(ids);
    for (const section of ids.flatMap((id) => this.of(id))) this.vacate(section);
    for (const section of this.#sections.values()) {
      if (section.owner !== undefined && gone.has(section.owner)) delete section.owner;
    }
  }

  #home({ id, scope, kind }: Tenant): PooledSection | undefined {
    const home = this.#homes.get(keyOf(id, scope));
    return home && !home.spent && kindText(home.kind) === kindText(kind) ? home : undefined;
  }

  #isFree(section: PooledSection): boolean {
    return !section.spent && section.servers.size === 0 && !this.#taken.has(section);
  }

  #settle(key: string, section: PooledSection): void {
    this.#homes.set(key, section);
    this.#taken.add(section);
    section.owner = key.slice(0, key.lastIndexOf(' '));
  }

  #make(kind: SectionKind): void {
    const ofFamily = [...this.#sections.values()].filter((each) => each.kind.family === kind.family);
    const numbers = new Set(ofFamily.map((each) => each.number));
    let number = 0;
    while (numbers.has(number)) number += 1;
    this.#add({ kind, number, servers: new Map(), spent: false });
  }

  #drop(section: PooledSection): void {
    const { address, port } = listenerOf(section);
    this.#sections.delete(sectionName(section));
    this.#byTarget.delete(`${address} ${port}`);
  }

  #add(section: PooledSection): void {
    const { address, port } = listenerOf(section);
    this.#sections.set(sectionName(section), section);
    this.#byTarget.set(`${address} ${port}`, section);
  }
}

/** How many sections of a kind there are to be where so many have one. */
const sizeFor = (used: number): number => Math.max(least, 2 ** Math.ceil(Math.log2(used * (4 / 3))));

const keyOf = (id: string, scope: Scope): string => `${id} ${scope}`;

function serverOf({ address, port, weight, slowStartSeconds }: Server): Server {
  return { address, port, weight, ...(slowStartSeconds !== undefined && { slowStartSeconds }) };
}
