import { worst } from '../../preflight/index.ts';
import type { Finding, Wanted } from '../../preflight/index.ts';
import { every, Pacer } from '../../runtime/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';

const lookMilliseconds = 600_000;
const retry = { first: 1000, atMost: 60_000 };

/** How a node is looked at. Neither rejects nor changes anything. */
export interface NodeLooks {
  /** Whether the node has what rules of its mode are made of: all that may be `Blocking`. */
  kernel(wanted: Wanted): Promise<readonly Finding[]>;
  /** What else is worth a word. */
  node(wanted: Wanted): Promise<readonly Finding[]>;
}

/** What a {@link NodePreflight} is made from. */
export interface NodePreflightOptions {
  readonly looks: NodeLooks;
  /** What the configuration wants of the node at this moment. */
  readonly wanted: () => Wanted;
  /** {@link NodePreflight.findings} says something else. */
  readonly changed: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Looks at the node before anything is written to its kernel, and every ten minutes. The kernel is asked until it has all
 * that is needed, and then never again: what a table is made of does not go away while the table is there.
 */
export class NodePreflight {
  readonly #o: NodePreflightOptions;
  readonly #pacer: Pacer;
  #stopLooking = (): void => undefined;
  #kernel: readonly Finding[] | undefined;
  #node: readonly Finding[] = [];
  #asking: Promise<readonly Finding[]> | undefined;
  #said = '';
  #stopped = false;

  constructor(options: NodePreflightOptions) {
    this.#o = options;
    const { clock, log } = options;
    this.#pacer = new Pacer({
      run: () => this.#look(),
      rest: (last) => 10 * last,
      retry,
      onFailure: (error, retryInMilliseconds) => {
        log.warn('cannot look at this node; trying again', { error, retryInMilliseconds });
      },
      clock,
    });
  }

  /** Undefined until the kernel has been asked. */
  get findings(): readonly Finding[] | undefined {
    return this.#kernel && [...this.#kernel, ...this.#node];
  }

  start(): void {
    this.#stopLooking = every(this.#o.clock, lookMilliseconds, () => this.again());
    this.again();
  }

  /** Looks soon: something that is looked at may be another one. */
  again(): void {
    this.#pacer.trigger();
  }

  /**
   * Resolves if the kernel may be written to: at once when that is known, else once it has been asked.
   *
   * @throws Error that says what the kernel lacks and what to do; the next call asks again
   */
  async allow(): Promise<void> {
    if (this.#passed) return;
    const lacking = (await this.#askKernel()).find(({ outcome }) => outcome === 'Blocking');
    if (lacking !== undefined) {
      throw new Error(`nothing is written before this node has what it needs: ${lacking.what}. ${lacking.todo ?? ''}`);
    }
  }

  /** Resolves when nothing is looked at any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopLooking();
    await this.#pacer.stop();
    await this.#asking;
  }

  get #passed(): boolean {
    return this.#kernel !== undefined && worst(this.#kernel) !== 'Blocking';
  }

  async #look(): Promise<void> {
    if (!this.#passed) await this.#askKernel();
    this.#node = await this.#o.looks.node(this.#o.wanted());
    this.#say();
  }

  /** Asked twice at the same time it is asked once. */
  #askKernel(): Promise<readonly Finding[]> {
    this.#asking ??= this.#o.looks
      .kernel(this.#o.wanted())
      .then((findings) => {
        this.#kernel = findings;
        this.#say();
        return findings;
      })
      .finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  #say(): void {
    const findings = (this.findings ?? []).filter(({ outcome }) => outcome !== 'Passed');
    const text = JSON.stringify([this.#kernel === undefined, findings]);
    // What is found while all of it stops is of no node at work.
    if (text === this.#said || this.#stopped) return;
    this.#said = text;
    for (const { name, outcome, what, todo } of findings) this.#o.log.warn('preflight', { name, outcome, what, todo });
    this.#o.changed();
  }
}
