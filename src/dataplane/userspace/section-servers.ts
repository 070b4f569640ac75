import { HaproxyError, sectionName } from '../../haproxy/index.ts';
import type { HaproxyRuntime, SectionState, Server } from '../../haproxy/index.ts';
import type { PooledSection, Tenant } from './section-pool.ts';

type Servers = ReadonlyMap<string, Server>;

/** What is to be in a section. */
export interface WantedSection {
  readonly tenant: Tenant;
  /** By their names. */
  readonly servers: Servers;
}

/** The same, with the section that it is about. */
interface SectionChange extends WantedSection {
  readonly section: PooledSection;
}

/** With more changes of servers in one go a reload is quicker than the socket. */
const mostChanges = 256;

/** Servers of sections, changed while HAProxy runs. Calls must not overlap; all that ask throw HaproxyError. */
export class SectionServers {
  readonly #runtime: HaproxyRuntime;
  /** Servers that were taken out and still have connections, by section. */
  readonly #leaving = new Map<PooledSection, Map<string, Server>>();

  constructor(runtime: HaproxyRuntime) {
    this.#runtime = runtime;
  }

  /** Takes over what HAProxy has. */
  adopt(sections: Iterable<PooledSection>, states: ReadonlyMap<string, SectionState>): void {
    this.#leaving.clear();
    for (const section of sections) {
      const servers = states.get(sectionName(section))?.servers ?? [];
      const gone = [...servers].filter(([, { leaving }]) => leaving);
      if (gone.length > 0) this.#leaving.set(section, new Map(gone));
    }
  }

  /** Servers of a section that were taken out and still have connections. */
  leaving(section: PooledSection): Servers {
    return this.#leaving.get(section) ?? new Map<string, Server>();
  }

  /** Whether a configuration that is read anew is the way to make these changes, or the quicker one. */
  needReading(changes: readonly SectionChange[]): boolean {
    const many = changes.reduce((sum, { section, servers }) => sum + section.servers.size + servers.size, 0);
    return many > mostChanges || changes.some(({ section, servers }) => this.#isSlower(section, servers));
  }

  /**
   * Gives sections these servers and no others.
   * @returns tenants whose section could not be changed so, and why
   * @throws HaproxyError if it is silent
   */
  async change(changes: readonly SectionChange[]): Promise<ReadonlyMap<Tenant, string>> {
    const refused = new Map<Tenant, string>();
    for (const { tenant, section, servers } of changes) {
      try {
        await this.#change(section, servers);
      } catch (error) {
        if (!(error instanceof HaproxyError) || error.silent) throw error;
        refused.set(tenant, error.message);
      }
    }
    return refused;
  }

  /** A server that is there gets another slow start only with a configuration that is read anew. */
  #isSlower(section: PooledSection, wanted: Servers): boolean {
    const present = new Map([...this.leaving(section), ...section.servers]);
    return [...wanted].some(([name, { slowStartSeconds }]) => {
      const before = present.get(name);
      return before !== undefined && before.slowStartSeconds !== slowStartSeconds;
    });
  }

  /** New ones come before others leave. */
  async #change(section: PooledSection, next: Servers): Promise<void> {
    const leaving = this.#leaving.get(section) ?? new Map<string, Server>();
    for (const [name, server] of next) {
      const before = section.servers.get(name);
      if (!before) await this.#runtime.addServer(section, server, leaving.delete(name));
      else if (before.weight !== server.weight) await this.#runtime.setWeight(section, server);
    }
    for (const [name, server] of section.servers) {
      if (next.has(name)) continue;
      await this.#runtime.takeOut(section, server);
      if (!(await this.#runtime.deleteServer(section, server))) leaving.set(name, server);
    }
    section.servers = next;
    if (leaving.size > 0) this.#leaving.set(section, leaving);
    else this.#leaving.delete(section);
  }

  /** Deletes servers that have left and whose connections have ended by now. */
  async tidy(): Promise<void> {
    for (const [section, servers] of this.#leaving) {
      for (const [name, server] of servers) {
        if (await this.#runtime.deleteServer(section, server)) servers.delete(name);
      }
      if (servers.size === 0) this.#leaving.delete(section);
    }
  }
}
