import { sleep } from '../../../runtime/index.ts';
import type { Clock } from '../../../runtime/index.ts';
import type { Connect } from './connect.ts';
import type { Target } from './targets.ts';

/** Attempts in a row that must all fail: with the looks at endpoints less than five seconds. */
const attempts = 3;
const attemptMilliseconds = 700;
const betweenMilliseconds = 300;
/** So many more, at once, where some endpoints are dead: with half of them, one in a hundred thousand finds none alive. */
const attemptsAmongDead = 16;
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
 * What did not work before proves nothing, nor does a Service none of whose endpoints accepts a connection any more, or of
 * which a few attempts may all have come to dead ones, nor
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

  /** What worked and does not any more, as far as nothing but settings can have broken it; within five seconds. */
  async broken(working: readonly Target[]): Promise<readonly Target[]> {
    let failing = working;
    for (let attempt = 1; attempt <= attempts && failing.length > 0; attempt++) {
      if (attempt > 1) await sleep(this.#o.clock, betweenMilliseconds);
      failing = await this.#which(failing, false);
    }
    return this.#notByBadLuck(failing);
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
      const expected = (await this.#withEndpoints(broken)).filter(({ living }) => living > 0);
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

  /** Those that endpoints speak for: all of them, or some, and not even many attempts come to one of these. */
  async #notByBadLuck(failing: readonly Target[]): Promise<readonly Target[]> {
    const seen = await this.#withEndpoints(failing);
    const judged = seen.map(async ({ target, living, dead }) => {
      if (living === 0 || dead === 0) return living > 0;
      const many = Array.from({ length: attemptsAmongDead }, () => this.#reaches(target));
      return !(await Promise.all(many)).includes(true);
    });
    const isBroken = await Promise.all(judged);
    return failing.filter((_target, index) => isBroken[index]);
  }

  /** How many of a target's endpoints accept connections from here; the API server counts as one that does. */
  async #withEndpoints(targets: readonly Target[]): Promise<{ target: Target; living: number; dead: number }[]> {
    const now = new Map(this.#o.targets().map((target) => [target.name, target]));
    return Promise.all(
      targets.map(async (target) => {
        if (target.endpoints.length === 0) return { target, living: 1, dead: 0 };
        const current = now.get(target.name)?.endpoints.slice(0, mostEndpoints) ?? [];
        const answers = await Promise.all(current.map((place) => this.#o.connect(place, attemptMilliseconds)));
        const living = answers.filter(Boolean).length;
        return { target, living, dead: answers.length - living };
      }),
    );
  }
}
