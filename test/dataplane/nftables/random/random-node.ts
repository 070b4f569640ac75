import { setTimeout } from 'node:timers/promises';
import type { DesiredPort, NodeSettings } from '../../../../src/dataplane/index.ts';
import { NftablesDataPlane } from '../../../../src/dataplane/nftables/index.ts';
import { NftablesSocket } from '../../../../src/nftables/index.ts';
import { createLogger } from '../../../../src/runtime/index.ts';
import { ForwardingState } from '../../../../src/services/index.ts';
import { after, apply, emptyCluster } from '../../../oracle/index.ts';
import type { Cluster, Event } from '../../../oracle/index.ts';
import type { Namespace } from '../../../support/index.ts';
import { perform } from './foreigner.ts';
import type { Act } from './foreigner.ts';
import { Life, MortalSocket } from './mortal-socket.ts';
import type { Death } from './mortal-socket.ts';

/** What happens on the node. */
export type Step =
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'settings'; readonly settings: NodeSettings }
  | { readonly kind: 'restart' }
  | { readonly kind: 'look' }
  | { readonly kind: 'kill'; readonly death: Death }
  | { readonly kind: 'foreign'; readonly act: Act; readonly meanwhile: boolean };

/** An agent in miniature on a real kernel: what goes wrong makes it start again, as the real one does. */
export class RandomNode {
  cluster: Cluster;
  settings: NodeSettings;
  dataPlane: NftablesDataPlane;
  readonly logs: string[] = [];
  readonly #namespace: Namespace;
  readonly #foreignSocket: NftablesSocket;
  readonly #state: ForwardingState;
  readonly #pending = new Map<string, DesiredPort | undefined>();
  #applied: NodeSettings | undefined;
  #life = new Life();
  #suspicious = true;
  #meanwhile: Act | undefined;

  constructor(
    namespace: Namespace,
    foreignSocket: NftablesSocket,
    o: { config: Cluster['config']; settings: NodeSettings },
  ) {
    this.#namespace = namespace;
    this.#foreignSocket = foreignSocket;
    this.#state = new ForwardingState(o.config);
    this.cluster = emptyCluster(o.config);
    this.settings = o.settings;
    this.dataPlane = this.#open();
  }

  /** The Service ports as they are to be. */
  get wanted(): Map<string, DesiredPort> {
    return new Map([...this.#state.values()].map((port) => [port.id, { port }]));
  }

  async do(step: Step): Promise<void> {
    switch (step.kind) {
      case 'event':
        this.#learn(step.event);
        return this.#sync();
      case 'settings':
        this.settings = step.settings;
        return this.#sync();
      case 'restart':
        this.#restart();
        return this.#sync();
      case 'look':
        return this.#look();
      case 'kill':
        this.#life.endAt(step.death);
        return;
      case 'foreign':
        if (step.meanwhile) this.#meanwhile = step.act;
        else await this.#interfere(step.act);
    }
  }

  /** Nothing happens any more: the agent looks after its table until all is right. @throws what `right` last threw */
  async settle(right: () => Promise<void>): Promise<void> {
    this.#life.endAt(undefined);
    this.#meanwhile = undefined;
    const deadline = performance.now() + 20_000;
    for (;;) {
      if (this.#suspicious || this.#pending.size > 0) await this.#sync();
      try {
        if (this.#suspicious) throw new Error(`the agent is in trouble:\n${this.logs.slice(-20).join('')}`);
        await right();
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
      await this.#look();
      await setTimeout(10);
    }
  }

  close(): void {
    this.dataPlane.close();
  }

  #open(): NftablesDataPlane {
    const { path } = this.#namespace;
    const life = new Life();
    this.#life = life;
    const socket = (): NftablesSocket => new NftablesSocket(MortalSocket.open(life, path));
    const log = createLogger({ format: 'text', level: 'debug', write: (line) => this.logs.push(line) });
    return new NftablesDataPlane({ writer: socket(), reader: socket(), log, drained: () => Promise.resolve() });
  }

  #interfere(act: Act): Promise<void> {
    return perform(act, { namespace: this.#namespace, socket: this.#foreignSocket });
  }

  #learn(event: Event): void {
    this.cluster = after(this.cluster, event);
    for (const [id, port] of apply(this.#state, event).changed) this.#pending.set(id, port && { port });
  }

  #restart(): void {
    this.dataPlane.close();
    this.dataPlane = this.#open();
    this.#suspicious = true;
  }

  async #look(): Promise<void> {
    const integrity = await this.dataPlane.verify().catch(() => 'changed' as const);
    if (integrity === 'changed') this.#suspicious = true;
    if (this.#life.over) this.#restart();
  }

  async #sync(): Promise<void> {
    const act = this.#meanwhile;
    this.#meanwhile = undefined;
    const [synced] = await Promise.allSettled([this.#write(), act && this.#interfere(act)]);
    if (synced.status === 'fulfilled') this.#pending.clear();
    else {
      this.logs.push(`${String(synced.reason)}\n`);
      this.#suspicious = true;
    }
    if (this.#life.over) this.#restart();
  }

  async #write(): Promise<void> {
    if (this.#suspicious) {
      this.#suspicious = false;
      const { refused } = await this.dataPlane.start(this.wanted, this.settings);
      if (refused.length > 0) throw new Error(`refused at a start: ${JSON.stringify(refused)}`);
    } else {
      if (this.settings !== this.#applied) await this.dataPlane.setNode(this.settings);
      const { refused } = await this.dataPlane.apply(this.#pending);
      if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
    }
    this.#applied = this.settings;
  }
}
