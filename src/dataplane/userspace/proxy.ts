import { HaproxyError, HaproxyRuntime, listenerOf, listenerRanges } from '../../haproxy/index.ts';
import { RequestQueue } from '../../netlink/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { EngineTarget } from '../data-plane.ts';
import { LocalRanges } from '../local-ranges.ts';
import { Configuration } from './configuration.ts';
import { nobodyThere, Presence } from './presence.ts';
import { areSame } from './same-servers.ts';
import { SectionPool } from './section-pool.ts';
import type { Tenant } from './section-pool.ts';
import { SectionServers } from './section-servers.ts';
import type { WantedSection } from './section-servers.ts';
import type { RequestTotal } from './request-totals.ts';
import { describeTarget } from './traffic.ts';
import { Workers } from './workers.ts';

/** A HAProxy and what it is to do: sections with their servers, changed while it runs. Calls may overlap. */
export class Proxy {
  readonly #runtime: HaproxyRuntime;
  readonly #ranges: LocalRanges;
  readonly #presence: Presence;
  readonly #pool = new SectionPool();
  readonly #servers: SectionServers;
  readonly #configuration: Configuration;
  readonly #workers: Workers;
  readonly #queue = new RequestQueue();

  /** @param o.directory that is shared with HAProxy */
  constructor(o: { directory: string; namespacePath?: string; log: Logger }) {
    this.#runtime = new HaproxyRuntime(o.directory);
    this.#ranges = new LocalRanges(Object.values(listenerRanges), o.namespacePath);
    this.#presence = new Presence({ runtime: this.#runtime, ranges: this.#ranges, directory: o.directory });
    this.#servers = new SectionServers(this.#runtime);
    const parts = { runtime: this.#runtime, pool: this.#pool, servers: this.#servers, log: o.log };
    this.#configuration = new Configuration(parts);
    this.#workers = new Workers(this.#runtime, () => (this.#configuration.reloading ? [] : this.#pool.sections));
  }

  /** Has a listener called at once when HAProxy ends, or may have: `lost` says whether. */
  whenEnded(listener: () => void): void {
    this.#workers.whenEnded(listener);
  }

  /** See {@link Presence}. */
  get silent(): boolean {
    return this.#presence.silent;
  }

  /** {@link Presence.missing} */
  missing(): Promise<string | undefined> {
    return this.#presence.missing();
  }

  /** The same, and makes the node ready: HAProxy's container waits for a configuration, its listeners need routes. */
  async probe(): Promise<string | undefined> {
    try {
      await this.#configuration.provide();
    } catch (error) {
      return nobodyThere(error);
    }
    const missing = await this.missing();
    if (missing === undefined) this.#ranges.make();
    return missing;
  }

  /** Why it can no longer serve; undefined while it answers. Does not wait for other calls. */
  async lost(): Promise<string | undefined> {
    const info = await this.#presence.look();
    return typeof info === 'string' ? info : undefined;
  }

  /** Learns what HAProxy has, if it has been started anew or reloaded by somebody else: that is as its configuration was. */
  catchUp(): Promise<void> {
    return this.#queue.run(async () => {
      const { identity } = await this.#runtime.info();
      if (identity === this.#workers.identity) await this.#workers.follow(identity);
      else await this.#adopt();
    });
  }

  /** It does not answer: who waits for it, waits no more. */
  giveUp(): void {
    this.#runtime.giveUp();
  }

  /** Takes over what HAProxy has. */
  adopt(): Promise<void> {
    return this.#queue.run(() => this.#adopt());
  }

  /** Learns what HAProxy has, and changes nothing: who follows it is another. */
  learn(): Promise<void> {
    return this.#queue.run(() => this.#learn());
  }

  /** Gives a Service port the section at a target, as a table has it. */
  claim(id: string, scope: Tenant['scope'], target: EngineTarget): void {
    this.#pool.claim(id, scope, target);
  }

  /** Makes room for tenants, which may take a reload. Says why it could not. @throws HaproxyError if it is silent */
  reserve(tenants: readonly Tenant[]): Promise<string | undefined> {
    return this.#queue.run(async () => {
      if (!this.#pool.growFor(tenants)) return undefined;
      try {
        await this.#reload(tenants);
        return undefined;
      } catch (error) {
        if (!(error instanceof HaproxyError) || error.silent) throw error;
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
   * @throws HaproxyError if it is silent, or does not reload
   */
  prepare(wanted: readonly WantedSection[]): Promise<ReadonlyMap<Tenant, string>> {
    return this.#queue.run(async () => {
      const changes = wanted.flatMap((each) => {
        const section = this.#pool.assign(each.tenant);
        return section && !areSame(section.servers, each.servers) ? [{ ...each, section }] : [];
      });
      const due = await this.#configuration.isReloadDue();
      if (this.#servers.needReading(changes)) {
        for (const { section, servers } of changes) section.servers = servers;
        await this.#reload();
        return new Map();
      }
      const refused = await this.#servers.change(changes);
      // After the changes: they are in force whatever becomes of it.
      if (due) await this.#reload();
      else if (changes.length > 0) await this.#configuration.write();
      return refused;
    });
  }

  /** Closes what nothing leads to any more: these, what Service ports that are gone had, and what could not be closed before. */
  retire(targets: readonly EngineTarget[], ids: readonly string[] = []): Promise<void> {
    return this.#queue.run(async () => {
      const left = [
        ...targets.flatMap((target) => this.#pool.at(target) ?? []),
        ...ids.flatMap((id) => this.#pool.of(id)),
      ];
      for (const section of left) this.#pool.vacate(section);
      for (const section of this.#pool.abandoned()) {
        section.spent = true;
        await this.#runtime.close(section);
      }
      if (left.length > 0) await this.#configuration.write();
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
    await this.#queue.run(() => this.#servers.tidy());
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
    if (!this.silent) await this.#workers.read();
    return this.#workers.totals;
  }

  /** Service ports are gone, and have no section any more: what was answered for them is told no more. */
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
      const sections = await this.#present();
      if (sections > 0) await this.#configuration.clear();
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

  /** How many sections there are; none where no HAProxy is. */
  async #present(): Promise<number> {
    try {
      return (await this.#runtime.sections()).size;
    } catch (error) {
      if (error instanceof HaproxyError) return 0;
      throw error;
    }
  }

  async #adopt(): Promise<void> {
    const { identity, current } = await this.#runtime.info();
    // One that was read just now says nothing else the next time.
    if (!current && !this.#configuration.reloading) await this.#configuration.outdated();
    await this.#workers.follow(identity);
    await this.#learn();
  }

  async #learn(): Promise<void> {
    const sections = await this.#runtime.sections();
    this.#pool.adopt(sections);
    this.#servers.adopt(this.#pool.sections, sections);
  }

  /** @param tenants that are about to have a section */
  #reload(tenants: readonly Tenant[] = []): Promise<void> {
    this.#workers.noteOwners();
    this.#pool.shrink(tenants);
    return this.#configuration.reload(() => this.#adopt());
  }
}
