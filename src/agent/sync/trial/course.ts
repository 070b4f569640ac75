import type { Setup } from '../settings-in-force.ts';
import type { Target } from './targets.ts';
import type { Trial } from './trial.ts';

/** Whoever brings settings to the kernel. */
export interface TrialListener {
  /** What works is known: what waits for that may be applied. */
  ready(): void;
  /** What the setup on trial has broken: nothing, and it stays, or something. */
  decided(setup: Setup, broken: readonly Target[]): void;
}

/** The course of trials, beside the syncs, which go on with endpoints meanwhile. */
export class TrialCourse {
  readonly #trial: Pick<Trial, 'before' | 'broken'>;
  readonly #listener: TrialListener;
  #looking: { readonly revision: string; working?: readonly Target[] } | undefined;
  #working: readonly Target[] = [];

  constructor(trial: Pick<Trial, 'before' | 'broken'>, listener: TrialListener) {
    this.#trial = trial;
    this.#listener = listener;
  }

  /** Whether what works is known, so that the setup may be applied now; else it is looked for, and `ready` told then. */
  mayApply({ config: { revision } }: Setup): boolean {
    if (this.#looking?.revision !== revision) {
      void this.#look(revision);
      return false;
    }
    if (!this.#looking.working) return false;
    this.#working = this.#looking.working;
    this.#looking = undefined;
    return true;
  }

  /** The setup is in force; `decided` is told whether it may stay. */
  async applied(setup: Setup): Promise<void> {
    this.#listener.decided(setup, await this.#trial.broken(this.#working));
  }

  async #look(revision: string): Promise<void> {
    const looking: { revision: string; working?: readonly Target[] } = { revision };
    this.#looking = looking;
    looking.working = await this.#trial.before();
    if (this.#looking === looking) this.#listener.ready();
  }
}
