import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRig } from '../agent/index.ts';
import { eventually } from '../support/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import { addresses, service, slice } from '../support/node/index.ts';
import { Churn } from './churn.ts';
import { heldBy } from './kernel.ts';
import { growth, sizeOf } from './process-size.ts';
import type { Size } from './process-size.ts';
import { Random } from '../support/index.ts';
import { troubles } from './troubles.ts';
import type { Trouble } from './troubles.ts';

/** How long, how big, and from which seed. */
export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Services at most; on average half as many. */
  readonly services: number;
  /** Seconds between restarts of the agent, killed and told to end in turns; 0: none. */
  readonly restartSeconds: number;
  /** Told what happens. */
  readonly say: (line: string) => void;
}

/** What came of it. */
export interface SoakResult {
  /** What was wrong, for people; empty if nothing was. */
  readonly failures: readonly string[];
  readonly changes: number;
  /** How often kernel and counters were compared with the model. */
  readonly comparisons: number;
  readonly restarts: number;
  readonly troubles: Readonly<Record<string, number>>;
  readonly connections: number;
  /** Of each process in turn, its size at each comparison. */
  readonly lives: readonly (readonly Size[])[];
}

const web = { address: addresses[4].clusterIP, port: 80 } as const;
const webCounter = /^nftproxy_service_port_new_connections_total\{.*service="web",port="tcp".*ClusterIP.*\}$/;

/**
 * A real agent under endless change: Services come and go, clients connect, scrapes read, watches end, the API server is
 * away for a while, others use nft. Every few seconds, once things have settled, the kernel is compared with a model,
 * counters with the connections that were made, and the process with what it was.
 */
export class Soak {
  readonly #o: SoakOptions;
  readonly #rig: AgentRig;
  readonly #random: Random;
  readonly #churn: Churn;
  readonly #failures: string[] = [];
  readonly #lives: Size[][] = [];
  readonly #troubles: Record<string, number> = {};
  #agent: ManagedProcess;
  #changes = 0;
  #comparisons = 0;
  #restarts = 0;
  #connections = 0;

  private constructor(o: SoakOptions, rig: AgentRig, agent: ManagedProcess) {
    this.#o = o;
    this.#rig = rig;
    this.#agent = agent;
    this.#random = new Random(o.seed);
    this.#churn = new Churn(this.#random, o.services);
    this.#lives.push([]);
  }

  /** Runs all of it. Needs root. @throws Error if the machine cannot do what is asked. */
  static async run(o: SoakOptions): Promise<SoakResult> {
    await using rig = await AgentRig.create();
    await rig.service('web', service());
    await rig.slice('web-4', slice('web', 4, ['localPod', 'remotePod']));
    const soak = new Soak(o, rig, await rig.startedAgent());
    return await soak.#run();
  }

  async #run(): Promise<SoakResult> {
    const begun = performance.now();
    let restarted = begun;
    while (performance.now() - begun < this.#o.seconds * 1000 && this.#failures.length === 0) {
      await this.#stir();
      await this.#compare();
      const due = this.#o.restartSeconds > 0 && performance.now() - restarted > this.#o.restartSeconds * 1000;
      if (!due) continue;
      await this.#restart();
      restarted = performance.now();
    }
    for (const [number, sizes] of this.#lives.entries())
      for (const grown of growth(sizes)) this.#failures.push(`process ${number + 1} has grown: ${grown}`);
    const { failures, changes, comparisons, restarts, connections, lives } = {
      ...{ failures: this.#failures, changes: this.#changes, comparisons: this.#comparisons },
      ...{ restarts: this.#restarts, connections: this.#connections, lives: this.#lives },
    };
    return { failures, changes, comparisons, restarts, troubles: this.#troubles, connections, lives };
  }

  /** Some seconds of change, with one trouble in the middle of it. */
  async #stir(): Promise<void> {
    const trouble: Trouble = this.#random.pick(troubles);
    const change = async (): Promise<void> => {
      for (let step = 0; step < 40; step++) {
        await this.#change();
        if (step % 10 === 0) await this.#connect();
        await sleep(this.#random.below(40));
      }
    };
    // Both come to their end, so that nobody asks a node that is gone already.
    const outcomes = await Promise.allSettled([trouble.happen(this.#rig, this.#random), change()]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    this.#troubles[trouble.name] = (this.#troubles[trouble.name] ?? 0) + 1;
  }

  async #change(): Promise<void> {
    const { objects, gone } = this.#churn.next();
    this.#rig.apiServer.load(objects as never);
    for (const name of gone) {
      await this.#rig.delete('services', name);
      await this.#rig.delete('endpointslices', name);
    }
    this.#changes++;
  }

  async #connect(): Promise<void> {
    const answers = await this.#rig.request('clientPod', { protocol: 'tcp', ...web, count: 5 });
    this.#connections += answers.length;
    const errors = answers.flatMap(({ error }) => error ?? []);
    if (errors.length > 0) this.#failures.push(`connections to Service web failed: ${errors.join(', ')}`);
  }

  async #compare(): Promise<void> {
    try {
      await eventually('the kernel to have what the model has', async () => (await this.#difference()) === undefined, {
        ...{ seconds: 60, milliseconds: 200 },
        hopeless: () => !this.#agent.running,
      });
    } catch (error) {
      this.#failures.push(
        `${String(error)}: ${(await this.#difference()) ?? ''}; the agent said: ${this.#lastLines()}`,
      );
      return;
    }
    const metrics = await this.#rig.metrics();
    const counted = [...metrics].filter(([name]) => webCounter.test(name)).reduce((sum, [, count]) => sum + count, 0);
    if (counted !== this.#connections) this.#failures.push(`${counted} connections counted of ${this.#connections}`);
    this.#lives.at(-1)?.push(await sizeOf(this.#agent.pid, this.#rig));
    this.#comparisons++;
    if (this.#comparisons % 10 === 0) this.#o.say(this.#progress());
  }

  /** The first thing in which the kernel is not as the model; undefined if all is. */
  async #difference(): Promise<string | undefined> {
    const listing = await this.#rig.nft('list', 'table', 'inet', 'nftproxy');
    const held = heldBy(listing, (address) => address !== web.address && address.startsWith('10.96.'));
    // The API server's own Service is no part of the churn.
    const frontends = held.frontends.filter((key) => key.endsWith(' . 80'));
    return (
      firstDifference('Services', frontends, this.#churn.frontends()) ??
      firstDifference('endpoints', held.endpoints, this.#churn.endpoints())
    );
  }

  async #restart(): Promise<void> {
    await this.#agent.end(this.#restarts % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
    this.#agent = await this.#rig.startedAgent();
    this.#restarts++;
    this.#lives.push([]);
  }

  #progress(): string {
    const { memory = 0, sockets = 0, timers = 0 } = this.#lives.at(-1)?.at(-1) ?? {};
    const own = `${memory.toFixed(0)} MB, ${sockets} sockets, ${timers} timers`;
    return `${this.#changes} changes, ${this.#churn.size} Services, ${this.#connections} connections, ${this.#restarts} restarts; ${own}`;
  }

  #lastLines(): string {
    return this.#agent.output.split('\n').slice(-6).join('\n');
  }
}

function firstDifference(what: string, found: readonly string[], wanted: readonly string[]): string | undefined {
  const [has, wants] = [new Set(found), new Set(wanted)];
  const missing = wanted.find((line) => !has.has(line));
  const surplus = found.find((line) => !wants.has(line));
  if (missing === undefined && surplus === undefined && found.length === wanted.length) return undefined;
  return `${what}: ${found.length} of ${wanted.length}, missing ${missing ?? 'none'}, too many ${surplus ?? 'none'}`;
}
