import { availableParallelism } from 'node:os';
import type { HaproxyRuntime, Section, Server } from '../../haproxy/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { SectionPool } from './section-pool.ts';
import type { SectionServers } from './section-servers.ts';

/** Threads are processors that others want, too. */
const threads = Math.min(4, availableParallelism());

/**
 * The configuration that HAProxy begins with when it starts or reloads: it has what is in the pool at that moment. Calls must not
 * overlap.
 */
export class Configuration {
  readonly #runtime: HaproxyRuntime;
  readonly #pool: SectionPool;
  readonly #servers: Pick<SectionServers, 'leaving'>;
  readonly #log: Logger;
  #reloading = false;

  constructor(o: {
    runtime: HaproxyRuntime;
    pool: SectionPool;
    servers: Pick<SectionServers, 'leaving'>;
    log: Logger;
  }) {
    this.#runtime = o.runtime;
    this.#pool = o.pool;
    this.#servers = o.servers;
    this.#log = o.log;
  }

  /** It is being read anew. Whose sections are changes with it, at a moment that nobody is told. */
  get reloading(): boolean {
    return this.#reloading;
  }

  /** HAProxy's container waits for one. */
  async provide(): Promise<void> {
    if (!(await this.#runtime.hasConfiguration())) await this.#runtime.write([], threads);
  }

  /** HAProxy runs one that another version has written: the next change has it read one of this version. */
  async outdated(): Promise<void> {
    this.#log.info('HAProxy runs a configuration of another version; it is about to reload');
    await this.#runtime.dueReload();
  }

  /** Whether it has to be read again: that has failed, an agent before this one did not come to it, or it is outdated. */
  isReloadDue(): Promise<boolean> {
    return this.#runtime.isReloadDue();
  }

  /** Writes it, for a HAProxy that starts anew. */
  write(): Promise<void> {
    return this.#runtime.write(this.#sections(), threads);
  }

  /**
   * Writes it and has it read. Connections go on in the worker before.
   * @param then what is to be done when it has been read
   * @throws HaproxyError; then it is still due
   */
  async reload(then: () => Promise<void>): Promise<void> {
    await this.#runtime.dueReload();
    await this.write();
    this.#reloading = true;
    try {
      await this.#runtime.reload();
      this.#pool.renewed();
      await then();
    } finally {
      this.#reloading = false;
    }
  }

  /** Has HAProxy read one without a section. */
  async clear(): Promise<void> {
    await this.#runtime.write([], threads);
    await this.#runtime.reload();
  }

  /** A section that is closed is to be an empty one when it is read again. */
  *#sections(): Generator<Section> {
    for (const section of this.#pool.sections) {
      const { kind, number, servers, spent } = section;
      const leaving = this.#servers.leaving(section);
      yield { kind, number, servers: spent ? new Map<string, Server>() : servers, leaving };
    }
  }
}
