import { DesiredState, LoadFollower, Sync, SyncLoop } from '../../../src/agent/sync/index.ts';
import type { SyncResult } from '../../../src/agent/sync/index.ts';
import { revisionOf, withDefaults } from '../../../src/api/index.ts';
import type { ProxySettings } from '../../../src/api/index.ts';
import { ConntrackSocket } from '../../../src/conntrack/index.ts';
import { dataPlaneFactories, RunningDataPlane } from '../../../src/dataplane/index.ts';
import type { DataPlane } from '../../../src/dataplane/index.ts';
import { createLogger, systemClock } from '../../../src/runtime/index.ts';
import type { EndpointSliceObject, ServiceObject } from '../../../src/services/index.ts';
import type { Namespace } from '../namespace.ts';
import { listedSets } from '../nft-listing.ts';
import type { ListedSet } from '../nft-listing.ts';
import { modeUnderTest } from './mode.ts';

/** What a test's node knows besides Services and EndpointSlices. */
export interface NodeFacts {
  readonly name: string;
  /** Settings of the ProxyConfig that hold unless a test says otherwise. */
  readonly settings: ProxySettings;
  readonly serviceCIDRs: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly primaryAddresses?: readonly string[];
  readonly podCIDRs?: readonly string[];
  /** Folder that the node's HAProxy shares with the agent; left out: the node has none. */
  readonly haproxyDirectory?: string;
}

/** Services and EndpointSlices by name, as an API server would list them. */
export interface NodeObjects {
  readonly services: Readonly<Record<string, ServiceObject>>;
  readonly slices: Readonly<Record<string, EndpointSliceObject>>;
}

/**
 * The agent's own parts on a node, in this process: its state of the cluster and its table in the node's kernel. The one
 * place of the tests that knows how these parts are put together.
 */
export class NodeRig implements Disposable {
  readonly space: Namespace;
  /** What the parts have logged so far, line by line. */
  readonly logs: string[] = [];
  readonly #log = createLogger({ format: 'text', level: 'debug', write: (line) => this.logs.push(line) });
  readonly #facts: NodeFacts;
  #factories = dataPlaneFactories;
  #settings: ProxySettings = {};
  #conntrack: ConntrackSocket | undefined;
  #load: LoadFollower | undefined;
  #state: DesiredState;
  #dataPlane: RunningDataPlane;
  #sync: Sync;
  #loop: SyncLoop | undefined;

  constructor(space: Namespace, facts: NodeFacts) {
    this.space = space;
    this.#facts = facts;
    this.#state = new DesiredState(facts.name);
    this.#dataPlane = this.#open();
    this.#sync = this.#newSync();
    this.configure({});
  }

  /** Settings of the ProxyConfig from now on. */
  configure(settings: ProxySettings): void {
    this.#settings = settings;
    const config = withDefaults({ mode: modeUnderTest, ...this.#facts.settings, ...settings });
    this.#state.configure({ name: 'default', revision: revisionOf(config), config });
    const { labels, primaryAddresses, podCIDRs, serviceCIDRs } = this.#facts;
    if (labels && primaryAddresses && podCIDRs) {
      this.#state.setNode({ labels, primaryAddresses, podCIDRs, eligible: true });
    }
    this.#state.setServiceCIDRs(serviceCIDRs);
  }

  /** Undefined: it is gone. */
  service(name: string, service: ServiceObject | undefined): void {
    this.#state.service(`default/${name}`, service);
  }

  /** Undefined: it is gone. */
  slice(name: string, slice: EndpointSliceObject | undefined): void {
    this.#state.endpointSlice(`default/${name}`, slice);
  }

  /** Writes what has changed to the kernel. */
  run(): Promise<SyncResult> {
    return this.#sync.run();
  }

  /** Has the agent's own loop keep the node in line while something happens: it looks, is told of ends, and tries again. */
  async keptWhile(during: () => Promise<void>): Promise<void> {
    const begun = Promise.withResolvers<undefined>();
    const loop = new SyncLoop({
      ...{
        sync: this.#sync,
        state: this.#state,
        load: this.load,
        observers: [{ synced: () => begun.resolve(undefined) }],
      },
      ...{ clock: systemClock, log: this.#log },
    });
    this.#loop = loop;
    loop.start();
    try {
      await begun.promise;
      await during();
    } finally {
      this.#loop = undefined;
      await loop.stop();
    }
  }

  /** Has that loop write what has changed. */
  request(): void {
    this.#loop?.request();
  }

  /**
   * What a restart of the agent does: a new process state, the kernel as it was left.
   *
   * @param factories of another version's data planes, for this start and the next ones
   */
  restart(objects: NodeObjects, factories = this.#factories): void {
    this.#dataPlane.close();
    this.#factories = factories;
    this.#state = new DesiredState(this.#facts.name);
    this.#dataPlane = this.#open();
    this.#sync = this.#newSync();
    this.configure(this.#settings);
    for (const [name, service] of Object.entries(objects.services)) this.service(name, service);
    for (const [name, slice] of Object.entries(objects.slices)) this.slice(name, slice);
  }

  /**
   * What the agent does every few seconds: looks whether all is as it was written, and if not, compares everything; and
   * whether what slots serve can be served as it is asked for. Says whether anything was to be done.
   */
  async look(): Promise<boolean> {
    const changed = (await this.dataPlane.verify()) === 'changed';
    if (changed) this.sync.suspect();
    const more = await this.sync.retryFallbacks();
    if (changed || more) await this.run();
    return changed || more;
  }

  /** What the agent does every few seconds for least-connections. Tells how many Service ports got new weights. */
  async followLoad(): Promise<number> {
    const weights = await this.load.look(this.#state.loadBalanced);
    this.#state.setWeights(weights);
    if (weights.size > 0) await this.run();
    return weights.size;
  }

  /** Looks at connections for least-connections; see {@link followLoad}. */
  get load(): LoadFollower {
    return (this.#load ??= new LoadFollower(this.conntrack));
  }

  /** The node's table of connections. */
  get conntrack(): ConntrackSocket {
    return (this.#conntrack ??= ConntrackSocket.open({ namespacePath: this.space.path }));
  }

  /** The node's state of the cluster, as the agent keeps it. */
  get state(): DesiredState {
    return this.#state;
  }

  /** What brings that state into the kernel. */
  get sync(): Sync {
    return this.#sync;
  }

  /** What the data plane says it serves, and how many connections it has counted. */
  get dataPlane(): DataPlane {
    const { current } = this.#dataPlane;
    if (!current) throw new Error('nothing has been written yet');
    return current;
  }

  /** What nft, the independent witness, prints. */
  nft(...args: string[]): Promise<string> {
    return this.space.run('nft', args);
  }

  /** nft's listing of our sets and maps of this name (`services4`, `affinity4`), of whatever generation. */
  async listed(name: string): Promise<string> {
    return (await this.#listedSets(name)).map(({ text }) => text).join('\n');
  }

  /** Their elements, in nft's words. */
  async elements(name: string): Promise<string[]> {
    return (await this.#listedSets(name)).flatMap(({ elements }) => elements);
  }

  async #listedSets(name: string): Promise<ListedSet[]> {
    const found = await listedSets((...args) => this.nft(...args), name);
    if (found.length === 0) throw new Error(`there is no set or map ${name}`);
    return found;
  }

  /** As if nobody had ever connected to anything. */
  async forgetConnections(): Promise<void> {
    await this.space.run('conntrack', ['-F']);
  }

  [Symbol.dispose](): void {
    this.#dataPlane.close();
    this.#conntrack?.close();
  }

  #open(): RunningDataPlane {
    // Not the machine's own, whatever it has.
    const { haproxyDirectory = '/run/nftproxy/no-haproxy' } = this.#facts;
    const factories = this.#factories({ log: this.#log, namespacePath: this.space.path, haproxyDirectory });
    return new RunningDataPlane(factories, this.#log, () => this.#loop?.lost());
  }

  #newSync(): Sync {
    return new Sync({ state: this.#state, dataPlane: this.#dataPlane, log: this.#log });
  }
}
