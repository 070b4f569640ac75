import { availableParallelism } from 'node:os';
import { HaproxyError, HaproxyRuntime, listenerOf, listenerRanges, sectionName } from '../../haproxy/index.ts';
import type { Server, ServerState, Traffic } from '../../haproxy/index.ts';
import { RequestQueue } from '../../netlink/index.ts';
import type { EngineTarget } from '../data-plane.ts';
import { LocalRanges } from '../local-ranges.ts';
import { SectionPool } from './section-pool.ts';
import type { PooledSection, Tenant } from './section-pool.ts';

/** What is to be in a section. */
export interface WantedSection {
  readonly tenant: Tenant;
  readonly servers: ReadonlyMap<string, Server>;
}

/** HAProxy is said to be gone when it has been silent for so long. */
const silenceMilliseconds = 3000;
/** Threads are processors that others want, too. */
const threads = Math.min(4, availableParallelism());
/** With more changes of servers in one go a reload is quicker than the socket. */
const mostChanges = 256;

/** A HAProxy and what it is to do: sections with their servers, changed while it runs. Calls may overlap. */
export class Proxy {
  readonly name = 'HAProxy';
  readonly #runtime: HaproxyRuntime;
  readonly #directory: string;
  readonly #ranges: LocalRanges;
  readonly #pool = new SectionPool();
  readonly #queue = new RequestQueue();
  /** Servers that were taken out and still have connections, by section. */
  readonly #leaving = new Map<PooledSection, Map<string, Server>>();
  #pid: number | undefined;
  #heardAt = -Infinity;

  /** @param o.directory that is shared with HAProxy */
  constructor(o: { directory: string; namespacePath?: string }) {
    this.#directory = o.directory;
    this.#runtime = new HaproxyRuntime(o.directory);
    this.#ranges = new LocalRanges(Object.values(listenerRanges), o.namespacePath);
  }

  /** Makes the node ready. Says for people what is missing, and what to do; undefined if it can serve. */
  async probe(): Promise<string | undefined> {
    const obstacle = this.#ranges.obstacle('the proxy');
    if (obstacle !== undefined) return obstacle;
    this.#ranges.make();
    try {
      // HAProxy's container waits for it.
      if (!(await this.#runtime.hasConfiguration())) await this.#runtime.write([], threads);
      const { version } = await this.#runtime.info();
      if (Number.parseInt(version, 10) < 3)
        return `HAProxy ${version} runs at ${this.#directory}; 3.0 or later is needed`;
      this.#heardAt = performance.now();
      return undefined;
    } catch (error) {
      if (!(error instanceof HaproxyError) && !isFileError(error)) throw error;
      return `no HAProxy to tell what to do: ${error.message}`;
    }
  }

  /** Why it can no longer serve; undefined while it answers, or has only just ceased to. */
  async lost(): Promise<string | undefined> {
    try {
      const { pid } = await this.#runtime.info();
      this.#heardAt = performance.now();
      // It has been started anew, or reloaded by somebody else: what it has is as the configuration was.
      if (pid !== this.#pid) await this.adopt();
      return undefined;
    } catch (error) {
      if (!(error instanceof HaproxyError)) throw error;
      return performance.now() - this.#heardAt < silenceMilliseconds ? undefined : error.message;
    }
  }

  /** Learns what HAProxy has. */
  adopt(): Promise<void> {
    return this.#queue.run(() => this.#adopt());
  }

  /** Gives a Service port the section at a target, as a table has it. */
  claim(id: string, scope: Tenant['scope'], target: EngineTarget): void {
    this.#pool.claim(id, scope, target);
  }

  /** Makes room for tenants, which may take a reload. Says why it could not. */
  reserve(tenants: readonly Tenant[]): Promise<string | undefined> {
    return this.#queue.run(async () => {
      if (!this.#pool.growFor(tenants)) return undefined;
      try {
        await this.#reload();
        return undefined;
      } catch (error) {
        if (!(error instanceof HaproxyError)) throw error;
        // What it has, it has: sections that it never read are nobody's.
        await this.#adopt();
        return error.message;
      }
    });
  }

  /** The target of a tenant; undefined if there is no room. Nothing is at it before `prepare`. */
  assign(tenant: Tenant): EngineTarget | undefined {
    const section = this.#pool.assign(tenant);
    return section && listenerOf(section);
  }

  /**
   * Puts servers into sections, new ones before others leave.
   * @returns tenants whose section could not be made so, and why
   */
  prepare(wanted: readonly WantedSection[]): Promise<ReadonlyMap<Tenant, string>> {
    return this.#queue.run(async () => {
      const refused = new Map<Tenant, string>();
      const changes = wanted.flatMap((each) => {
        const section = this.#pool.assign(each.tenant);
        return section && !areSame(section.servers, each.servers) ? [{ ...each, section }] : [];
      });
      if (changes.length === 0) return refused;
      const servers = changes.reduce((sum, { section, servers: next }) => sum + section.servers.size + next.size, 0);
      if (servers > mostChanges) {
        for (const { section, servers: next } of changes) section.servers = next;
        await this.#reload();
        return refused;
      }
      for (const { tenant, section, servers: next } of changes) {
        try {
          await this.#change(section, next);
        } catch (error) {
          if (!(error instanceof HaproxyError)) throw error;
          refused.set(tenant, error.message);
        }
      }
      await this.#runtime.write(this.#written(), threads);
      return refused;
    });
  }

  /** Closes what nothing leads to any more; connections that are open go on. */
  retire(targets: readonly EngineTarget[], ids: readonly string[] = []): Promise<void> {
    return this.#queue.run(async () => {
      const sections = [
        ...targets.flatMap((target) => this.#pool.at(target) ?? []),
        ...ids.flatMap((id) => this.#pool.of(id)),
      ];
      for (const section of new Set(sections)) {
        this.#pool.vacate(section);
        if (section.spent || section.servers.size === 0) continue;
        section.spent = true;
        await this.#runtime.close(section);
      }
      if (sections.length > 0) await this.#runtime.write(this.#written(), threads);
    });
  }

  /** Where it has servers. */
  held(): EngineTarget[] {
    return [...this.#pool.sections].filter(({ spent, servers }) => !spent && servers.size > 0).map(listenerOf);
  }

  /** Deletes servers that have left and whose connections have ended by now. */
  tidy(): Promise<void> {
    return this.#queue.run(async () => {
      for (const [section, servers] of this.#leaving) {
        for (const [name, server] of servers) {
          if (await this.#runtime.deleteServer(section, server)) servers.delete(name);
        }
        if (servers.size === 0) this.#leaving.delete(section);
      }
    });
  }

  /** What is at a target, and what it has taken; undefined if nothing is. */
  async describe(
    target: EngineTarget,
  ): Promise<{ kind: string; servers: readonly (Traffic & ServerState)[] } | undefined> {
    const sections = await this.#runtime.sections();
    const state = [...sections.values()].find((each) => isAt(listenerOf(each), target));
    if (!state) return undefined;
    const traffic = (await this.#runtime.traffic()).filter(({ section }) => section === sectionName(state));
    const servers = [...state.servers].flatMap(([name, server]) => {
      const taken = traffic.find((each) => each.server === name);
      return taken ? [{ ...taken, ...server }] : [];
    });
    const { protocol, balance } = state.kind;
    return { kind: `${protocol}, ${balance}`, servers };
  }

  /** What the sections of Service ports have answered, by the port's id. */
  async answers(): Promise<{ id: string; traffic: Traffic; responseMilliseconds: number }[]> {
    const bySection = Map.groupBy(await this.#runtime.traffic(), ({ section }) => section);
    return [...this.#pool.tenancies()].flatMap(([id, section]) => {
      const all = bySection.get(sectionName(section)) ?? [];
      const traffic = all.find(({ server }) => server === undefined);
      return traffic && section.kind.protocol !== 'tcp'
        ? [{ id, traffic, responseMilliseconds: meanResponse(all.filter(({ server }) => server !== undefined)) }]
        : [];
    });
  }

  /** Takes everything away. Says for people what it was; undefined if there was nothing. */
  remove(): Promise<string | undefined> {
    return this.#queue.run(async () => {
      const sections = (await this.#present()).length;
      if (sections > 0) {
        await this.#runtime.write([], threads);
        await this.#runtime.reload();
      }
      const routes = this.#ranges.release();
      this.#pid = undefined;
      if (sections + routes.length === 0) return undefined;
      return `${sections} sections of HAProxy and the routes of its listeners`;
    });
  }

  async #present(): Promise<readonly string[]> {
    try {
      return [...(await this.#runtime.sections()).keys()];
    } catch (error) {
      // None runs: there is nothing to take away.
      if (error instanceof HaproxyError) return [];
      throw error;
    }
  }

  async #adopt(): Promise<void> {
    const [{ pid }, sections] = [await this.#runtime.info(), await this.#runtime.sections()];
    this.#pid = pid;
    this.#leaving.clear();
    this.#pool.adopt(sections);
    for (const section of this.#pool.sections) {
      const gone = [...(sections.get(sectionName(section))?.servers ?? [])].filter(([, { leaving }]) => leaving);
      if (gone.length > 0) this.#leaving.set(section, new Map(gone));
    }
  }

  async #change(section: PooledSection, next: ReadonlyMap<string, Server>): Promise<void> {
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

  async #reload(): Promise<void> {
    await this.#runtime.write(this.#written(), threads);
    await this.#runtime.reload();
    this.#pool.renewed();
    await this.#adopt();
  }

  /** A section that is closed is to be an empty one when it is read again. */
  *#written(): Generator<PooledSection> {
    for (const section of this.#pool.sections) yield section.spent ? { ...section, servers: new Map() } : section;
  }
}

/** Over servers, by how much they have answered. */
function meanResponse(servers: readonly Traffic[]): number {
  const total = servers.reduce((sum, server) => sum + server.total, 0);
  return servers.reduce((sum, server) => sum + (server.responseMilliseconds * server.total) / (total || 1), 0);
}

const isAt = (one: EngineTarget, other: EngineTarget): boolean =>
  one.address === other.address && one.port === other.port;

function areSame(present: ReadonlyMap<string, Server>, wanted: ReadonlyMap<string, Server>): boolean {
  return (
    present.size === wanted.size && [...wanted].every(([name, { weight }]) => present.get(name)?.weight === weight)
  );
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
