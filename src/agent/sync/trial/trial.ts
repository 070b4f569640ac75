import { sleep } from '../../../runtime/index.ts';
import type { Clock } from '../../../runtime/index.ts';
import type { Connect } from './connect.ts';
import type { Target } from './targets.ts';

/** Attempts in a row that must all fail: with the last look at endpoints less than four seconds. */
const attempts = 3;
const attemptMilliseconds = 700;
const betweenMilliseconds = 300;
/** While what was broken stays so, it is asked again after so long. */
const againMilliseconds = 5000;
/** Of a Service's endpoints so many are asked whether they live. */
const mostEndpoints = 10;

/** What a {@link Trial} is made from. */
export interface TrialOptions {
  /** Where this node must be able to connect to, as things are now. */
  readonly targets: () => readonly Target[];
  readonly connect: Connect;
  readonly clock: Clock;
}

/**
 * Whether settings leave alone what worked before them: looks before they are applied, again after, and once more when
 * they had to go.
 *
 * What did not work before proves nothing, nor does a Service none of whose endpoints accepts a connection any more, nor
 * what does not work without the settings, either: an API server may be away just now. Needs no API server.
 */
export class Trial {
  readonly #o: TrialOptions;

  constructor(options: TrialOptions) {
    this.#o = options;
  }

  /** What works. */
  async before(): Promise<readonly Target[]> {
    return this.#which(this.#o.targets(), true);
  }

  /** What worked and does not any more, as far as nothing but settings can have broken it; within four seconds. */
  async broken(working: readonly Target[]): Promise<readonly Target[]> {
    let failing = working;
    for (let attempt = 1; attempt <= attempts && failing.length > 0; attempt++) {
      if (attempt > 1) await sleep(this.#o.clock, betweenMilliseconds);
      failing = await this.#which(failing, false);
    }
    return this.#withLivingEndpoints(failing);
  }

  /** What of this works, now that the settings are gone with which it did not; within four seconds. */
  async restored(broken: readonly Target[]): Promise<readonly Target[]> {
    for (let attempt = 1; ; attempt++) {
      const working = await this.#which(broken, true);
      if (working.length > 0 || attempt === attempts) return working;
      await sleep(this.#o.clock, betweenMilliseconds);
    }
  }

  /** Resolves when any of this works, or none of it can be expected to, or nobody asks any more. */
  async untilTheyCanTell(broken: readonly Target[], asked: () => boolean): Promise<void> {
    while (asked()) {
      await sleep(this.#o.clock, againMilliseconds);
      const expected = await this.#withLivingEndpoints(broken);
      if (expected.length === 0 || (await this.#which(broken, true)).length > 0) return;
    }
  }

  async #which(targets: readonly Target[], accepted: boolean): Promise<readonly Target[]> {
    const answers = await Promise.all(targets.map((target) => this.#reaches(target)));
    return targets.filter((_target, index) => answers[index] === accepted);
  }

  async #reaches(target: Target): Promise<boolean> {
    const places = [target, ...target.alternatives];
    const answers = await Promise.all(places.map((place) => this.#o.connect(place, attemptMilliseconds)));
    return answers.includes(true);
  }

  async #withLivingEndpoints(failing: readonly Target[]): Promise<readonly Target[]> {
    const now = new Map(this.#o.targets().map((target) => [target.name, target]));
    const alive = await Promise.all(
      failing.map(async ({ name, endpoints }) => {
        if (endpoints.length === 0) return true;
        const current = now.get(name)?.endpoints.slice(0, mostEndpoints) ?? [];
        const answers = await Promise.all(current.map((place) => this.#o.connect(place, attemptMilliseconds)));
        return answers.includes(true);
      }),
    );
    return failing.filter((_target, index) => alive[index]);
  }
}
