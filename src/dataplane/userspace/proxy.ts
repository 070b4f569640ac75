import { availableParallelism } from 'node:os';
import { HaproxyError, HaproxyRuntime, listenerOf, listenerRanges, sectionName } from '../../haproxy/index.ts';
import type { Server } from '../../haproxy/index.ts';
import { RequestQueue } from '../../netlink/index.ts';
import type { EngineTarget } from '../data-plane.ts';
import { LocalRanges } from '../local-ranges.ts';
import { areSame } from './same-servers.ts';
import { SectionPool } from './section-pool.ts';
import type { PooledSection, Tenant } from './section-pool.ts';
import type { RequestTotal } from './request-totals.ts';
import { describeTarget } from './traffic.ts';
import { Workers } from './workers.ts';

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
  readonly #workers: Workers;
  #heardAt = -Infinity;
  /** Whose sections are changes with it, at a moment that nobody is told. */
  #reloading = false;

  /** @param o.directory that is shared with HAProxy */
  constructor(o: { directory: string; namespacePath?: string }) {
    this.#directory = o.directory;
    this.#runtime = new HaproxyRuntime(o.directory);
    this.#workers = new Workers(this.#runtime, () => (this.#reloading ? [] : this.#pool.sections));
    this.#ranges = new LocalRanges(Object.values(listenerRanges), o.namespacePath);
  }

  /** Has a listener called at once when HAProxy ends, or may have: `lost` says whether. */
  whenEnded(listener: () => void): void {
    this.#workers.whenEnded(listener);
  }

  /** Says for people what is missing for it to serve, and what to do; undefined if nothing is. Changes nothing. */
  async missing(): Promise<string | undefined> {
    try {
      const { version } = await this.#runtime.info();
      if (Number.parseInt(version, 10) < 3)
        return `HAProxy ${version} runs at ${this.#directory}; 3.0 or later is needed`;
      this.#heardAt = performance.now();
    } catch (error) {
      return nobodyThere(error);
    }
    return this.#ranges.obstacle('the proxy');
  }

  /** The same, and makes the node ready: HAProxy's container waits for a configuration, its listeners need routes. */
  async probe(): Promise<string | undefined> {
    try {
      if (!(await this.#runtime.hasConfiguration())) await this.#runtime.write([], threads);
    } catch (error) {
      return nobodyThere(error);
    }
    const missing = await this.missing();
    if (missing === undefined) this.#ranges.make();
    return missing;
  }

  /** Why it can no longer serve; undefined while it answers, or is silent for only a moment. */
  lost(): Promise<string | undefined> {
    return this.#queue.run(async () => {
      try {
        const { identity } = await this.#runtime.info();
        this.#heardAt = performance.now();
        // It has been started anew, or reloaded by somebody else: what it has is as the configuration was.
        if (identity !== this.#workers.identity) await this.#adopt();
        else await this.#workers.follow(identity);
        return undefined;
      } catch (error) {
        if (!(error instanceof HaproxyError)) throw error;
        // Where nobody listens it has ended; silence may be a busy machine's.
        const busy = !error.refused && performance.now() - this.#heardAt < silenceMilliseconds;
        return busy ? undefined : nobodyThere(error);
      }
    });
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
      // One that failed, or that an agent before this one did not come to.
      const due = await this.#runtime.isReloadDue();
      const servers = changes.reduce((sum, { section, servers: next }) => sum + section.servers.size + next.size, 0);
      if (servers > mostChanges || changes.some((each) => this.#needsReading(each))) {
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
      // After the changes: they are in force whatever becomes of it.
      if (due) await this.#reload();
      else if (changes.length > 0) await this.#runtime.write(this.#written(), threads);
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

  /** Deletes servers that have left and whose connections have ended by now; lets go of workers that have been replaced. */
  async tidy(): Promise<void> {
    // A worker that hangs, or many of them, keep no change waiting.
    await this.#workers.tidy();
    await this.#queue.run(async () => {
      for (const [section, servers] of this.#leaving) {
        for (const [name, server] of servers) {
          if (await this.#runtime.deleteServer(section, server)) servers.delete(name);
        }
        if (servers.size === 0) this.#leaving.delete(section);
      }
    });
  }

  /** {@link describeTarget} */
  describe(target: EngineTarget): ReturnType<typeof describeTarget> {
    return describeTarget(this.#runtime, target);
  }

  /**
   * What was answered for Service ports, by their ids, since this agent found HAProxy. It goes on over reloads, other sections and
   * another HAProxy. @throws HaproxyError if it is there and does not say
   */
  async requests(): Promise<ReadonlyMap<string, RequestTotal>> {
    await this.#workers.read();
    return this.#workers.totals;
  }

  /** Service ports are gone: what was answered for them is told no more. */
  forget(ids: readonly string[]): void {
    this.#pool.disown(ids);
    this.#workers.forget(ids);
  }

  /**
   * Takes everything away. Says for people what it was; undefined if there was nothing.
   *
   * @param spared connections that are open go on: they need the routes of the listeners, also after HAProxy's own end, for it
   *   to say that it has ended
   */
  remove(spared?: 'connections'): Promise<string | undefined> {
    return this.#queue.run(async () => {
      const sections = (await this.#present()).length;
      if (sections > 0) {
        await this.#runtime.write([], threads);
        await this.#runtime.reload();
      }
      const routes = spared ? [] : this.#ranges.release();
      this.close();
      if (sections + routes.length === 0) return undefined;
      return `${sections} sections of HAProxy${routes.length > 0 ? ' and the routes of its listeners' : ''}`;
    });
  }

  /** Watches it no more. It goes on. */
  close(): void {
    this.#workers.close();
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
    const { identity } = await this.#runtime.info();
    await this.#workers.follow(identity);
    const sections = await this.#runtime.sections();
    this.#leaving.clear();
    this.#pool.adopt(sections);
    for (const section of this.#pool.sections) {
      const gone = [...(sections.get(sectionName(section))?.servers ?? [])].filter(([, { leaving }]) => leaving);
      if (gone.length > 0) this.#leaving.set(section, new Map(gone));
    }
  }

  /** A server that is there gets another slow start only with a configuration that is read anew. */
  #needsReading({ section, servers }: { section: PooledSection; servers: ReadonlyMap<string, Server> }): boolean {
    const present = new Map([...(this.#leaving.get(section) ?? []), ...section.servers]);
    return [...servers].some(([name, { slowStartSeconds }]) => {
      const before = present.get(name);
      return before !== undefined && before.slowStartSeconds !== slowStartSeconds;
    });
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
    await this.#runtime.dueReload();
    await this.#runtime.write(this.#written(), threads);
    this.#workers.noteOwners();
    this.#reloading = true;
    try {
      await this.#runtime.reload();
      this.#pool.renewed();
      await this.#adopt();
    } finally {
      this.#reloading = false;
    }
  }

  /** A section that is closed is to be an empty one when it is read again. */
  *#written(): Generator<PooledSection> {
    for (const section of this.#pool.sections) yield section.spent ? { ...section, servers: new Map() } : section;
  }
}

/** @throws the error, if it does not mean that there is no HAProxy, or no folder that is shared with one */
function nobodyThere(error: unknown): string {
  if (!(error instanceof HaproxyError) && !(error instanceof Error && 'code' in error)) throw error;
  return `no HAProxy to tell what to do: ${error.message}`;
}
