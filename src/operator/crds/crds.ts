import { Inject, Injectable } from '@nestjs/common';
import { EventRecorder, Reflector, resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient, ReflectorStatistics } from '../../kubernetes/index.ts';
import { sleep, systemClock } from '../../runtime/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { API_CLIENT, LOGGER, OPERATOR_OPTIONS, perTerm } from '../injection.ts';
import { installCrd, readCrds } from '../library/index.ts';
import type { Crd } from '../library/index.ts';
import type { OperatorOptions } from '../options.ts';
import { installedCrd } from './installed-crd.ts';
import type { InstalledCrd } from './installed-crd.ts';
import { judge, wasRestored } from './judge.ts';
import { words } from './words.ts';
import type { CrdReason } from './words.ts';

const plural = 'customresourcedefinitions';

/** How long a removal of everything takes to reach this process: kubectl deletes one object after the other. */
const graceMilliseconds = 3000;

/** One of our CRDs: what it should be, what the API server has, what was done and said about it. */
interface Kept {
  readonly wanted: Crd;
  readonly reflector: Reflector<InstalledCrd>;
  applied?: InstalledCrd;
  /** Somebody had brought an older one after that, and it was put back. */
  replacedOlder: boolean;
  said?: string;
}

/**
 * The project's own CRDs: watched by name, put back when somebody deletes or changes them, never downgraded, and with
 * `--manage-crds=false` only waited for.
 */
@Injectable(perTerm)
export class Crds {
  readonly #client: ApiClient;
  readonly #manage: boolean;
  readonly #events: EventRecorder;
  readonly #log: Logger;
  readonly #crds = new Map<string, Kept>();
  readonly #stopping = new AbortController();
  #changed: ((name: string) => void) | undefined;
  /** Resolves with the next event of any of the watches, and when there will be none. */
  #news: PromiseWithResolvers<undefined> | undefined;

  constructor(
    @Inject(API_CLIENT) client: ApiClient,
    @Inject(OPERATOR_OPTIONS) { manageCrds }: OperatorOptions,
    @Inject(EventRecorder) events: EventRecorder,
    @Inject(LOGGER) log: Logger,
  ) {
    this.#client = client;
    this.#manage = manageCrds;
    this.#events = events;
    this.#log = log;
  }

  /** Has a listener told of the names of CRDs that came, changed or went; to be called before `start`. */
  tell(changed: (name: string) => void): void {
    this.#changed = changed;
  }

  /**
   * Begins to watch, and resolves when the API server serves all of them: at once where they may be written, else when
   * somebody has.
   *
   * @throws ApiError, ConnectionError if one cannot be written; Error if stopped meanwhile
   */
  async start(): Promise<void> {
    for (const wanted of await readCrds()) this.#crds.set(wanted.metadata.name, this.#watch(wanted));
    const all = [...this.#crds.values()];
    for (const { reflector } of all) reflector.start();
    // Stopped while the files were read.
    if (this.#stopping.signal.aborted) await this.stop();
    await Promise.all(all.map(({ reflector }) => reflector.synced));
    for (const name of this.#crds.keys()) await this.#untilServed(name);
  }

  /** Whether the API server serves the objects of this CRD, as far as is known. */
  isServed(name: string): boolean {
    const { reflector, applied } = this.#kept(name);
    const found = reflector.get(name);
    return found === undefined ? applied !== undefined : found.established && !found.leaving;
  }

  /** Brings one CRD in line, or says why not. @throws ApiError, ConnectionError; Error if it is not served afterwards */
  async reconcile(name: string): Promise<undefined> {
    const { wanted, reflector, applied, replacedOlder } = this.#kept(name);
    const found = reflector.get(name);
    const { version } = installedCrd(wanted);
    switch (judge({ found, applied, version, manage: this.#manage, replacedOlder })) {
      case 'leave':
        this.#kept(name).said = '';
        return;
      case 'missing':
        this.#say(name, words.missing);
        return;
      case 'newer':
        this.#say(name, words.newer(found?.version ?? 0, version), 'CRDNewerThanOperator');
        return;
      case 'older':
        this.#say(name, words.older(found?.version ?? 0, version), 'CRDOlderThanOperator');
        return;
      case 'apply':
        await this.#apply(this.#kept(name), found);
    }
  }

  /**
   * Whether this operator is ended a moment after a CRD has been deleted: who takes everything away at once (`kubectl delete
   * -k`) would find it again. Its objects have gone with it, so that nothing is lost by waiting.
   */
  async #goesToo(): Promise<boolean> {
    const { signal } = this.#stopping;
    await sleep(systemClock, graceMilliseconds, signal);
    return signal.aborted;
  }

  /** Ends the watches. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the CRDs are not watched any more'));
    this.#news?.resolve(undefined);
    await Promise.all([...this.#crds.values()].map(({ reflector }) => reflector.stop()));
  }

  /** Counters of the watches, by the names of the CRDs. */
  watchStatistics(): ReadonlyMap<string, ReflectorStatistics> {
    return new Map([...this.#crds].map(([name, { reflector }]) => [name, reflector.statistics]));
  }

  async #untilServed(name: string): Promise<void> {
    for (;;) {
      const news = Promise.withResolvers<undefined>();
      this.#news = news;
      await this.reconcile(name);
      if (this.isServed(name)) return;
      this.#stopping.signal.throwIfAborted();
      await news.promise;
    }
  }

  async #apply(kept: Kept, found: InstalledCrd | undefined): Promise<void> {
    const { wanted, applied } = kept;
    if (found === undefined && applied !== undefined && (await this.#goesToo())) return;
    const after = installedCrd(await installCrd(this.#client, wanted));
    kept.applied = after;
    const { name } = wanted.metadata;
    if (applied !== undefined && found !== undefined && found.version < after.version) kept.replacedOlder = true;
    if (applied === undefined) this.#log.info('the CRD is installed', { crd: name, version: after.version });
    if (wasRestored({ found, applied }, after)) this.#say(name, words.restored, 'CRDRestored');
    kept.said = '';
  }

  /** Once, until something else is to be said. */
  #say(name: string, sentence: string, reason?: CrdReason): void {
    const kept = this.#kept(name);
    if (kept.said === sentence) return;
    kept.said = sentence;
    this.#log.warn(sentence, { crd: name });
    const regarding = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name };
    if (reason !== undefined) this.#events.event(regarding, 'Warning', reason, sentence);
  }

  #kept(name: string): Kept {
    const kept = this.#crds.get(name);
    if (kept === undefined) throw new Error(`${name} is none of the CRDs of this program`);
    return kept;
  }

  #watch(wanted: Crd): Kept {
    const { name } = wanted.metadata;
    const reflector = new Reflector<InstalledCrd>({
      name,
      client: this.#client,
      path: resourcePath({ group: 'apiextensions.k8s.io', version: 'v1', plural }),
      // By name: the right to list and watch can be limited to it.
      fieldSelector: `metadata.name=${name}`,
      transform: (raw) => installedCrd(raw),
      handler: {
        changed: () => {
          this.#news?.resolve(undefined);
          this.#changed?.(name);
        },
      },
      onError: (error, { retryInMilliseconds }) =>
        this.#log.warn('cannot follow the API server; trying again', {
          ...{ resource: plural, name, error, retryInMilliseconds },
        }),
    });
    return { wanted, reflector, replacedOlder: false };
  }
}
