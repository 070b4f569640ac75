import { defaultScheduler } from '../../api/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { NodeSettings } from '../data-plane.ts';
import { Disputes } from './disputes.ts';
import type { Engine } from './engine.ts';

/** How long an answer holds, while Service ports come that want the engine. */
const answerMilliseconds = 10_000;

/** Whether this node has an engine; what is missing is told once in the log. */
export class Availability {
  readonly #engine: Engine;
  readonly #log: Logger;
  readonly #disputes = new Disputes();
  #missing: string | undefined;
  #askedAt = -Infinity;

  constructor(engine: Engine, log: Logger) {
    this.#engine = engine;
    this.#log = log;
  }

  /** What was missing when it was asked last, for people; undefined if nothing was. */
  get missing(): string | undefined {
    return this.#missing;
  }

  /** What the engine had was changed by another program, and is repaired. True if it is better to leave that to slots. */
  repaired(): boolean {
    return this.#disputes.repaired();
  }

  /** Sets the engine up. False if it cannot serve. */
  async setUp(): Promise<boolean> {
    const missing = this.#disputes.underTruce() ? this.#disputed() : await this.#engine.setUp();
    this.#askedAt = performance.now();
    if (missing !== undefined && missing !== this.#missing) {
      this.#log.warn(`${this.#engine.name} cannot serve; Services are served by slots`, { reason: missing });
    }
    this.#missing = missing;
    return missing === undefined;
  }

  /** The same, as it was found a moment ago. */
  async isThere(): Promise<boolean> {
    if (performance.now() - this.#askedAt >= answerMilliseconds) return this.setUp();
    return this.#missing === undefined;
  }

  /** @throws if the node cannot do what its settings ask of the engine */
  async demand({ engine, scheduler = defaultScheduler }: NodeSettings): Promise<void> {
    if (engine !== 'ipvs') return;
    const missing = (await this.setUp()) ? await this.#engine.lacks(scheduler) : this.#missing;
    if (missing !== undefined) throw new Error(`this node cannot do mode ${engine}: ${missing}`);
  }

  #disputed(): string {
    const ranges = Object.values(this.#engine.ranges).join(', ');
    return `another program keeps changing what ${this.#engine.name} has in ${ranges}: kube-proxy in mode ipvs does so unless these are among its ipvs.excludeCIDRs`;
  }
}
