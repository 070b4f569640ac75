import type { Logger } from '../../../runtime/index.ts';
import type { SettingsInForce, Setup } from '../settings-in-force.ts';
import type { Target } from './targets.ts';
import type { Trial } from './trial.ts';

/** What a course asks of a {@link Trial}. */
export type Examiner = Pick<Trial, 'before' | 'broken' | 'restored' | 'untilTheyCanTell'>;

/** What a {@link TrialCourse} is made from. */
export interface TrialCourseOptions {
  readonly trial: Examiner;
  readonly inForce: SettingsInForce;
  /** Told when there is something for the next sync. */
  readonly changed: () => void;
  readonly log: Logger;
}

/**
 * The course of trials, beside the syncs, which go on with endpoints meanwhile: what works is looked for, settings are
 * applied, and if something does not work any more what was before returns at once. Then it is seen who is to blame.
 */
export class TrialCourse {
  readonly #o: TrialCourseOptions;
  #looking: { readonly revision: string; working?: readonly Target[] } | undefined;
  #working: readonly Target[] = [];
  #broken: readonly Target[] = [];
  #judging: Setup | undefined;
  #stopped = false;

  constructor(options: TrialCourseOptions) {
    this.#o = options;
  }

  /** Nobody asks any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Whether what works is known, so that the setup may be applied now; else it is looked for, and `changed` told then. */
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

  /** The kernel has the setup: it stays if nothing is broken, else what was before is to return. */
  async applied(setup: Setup): Promise<void> {
    const { trial, inForce, changed } = this.#o;
    inForce.tried(setup);
    this.#broken = await trial.broken(this.#working);
    if (inForce.onTrial !== setup) return;
    if (this.#broken.length === 0) inForce.taken(setup);
    else inForce.withdraw(setup);
    changed();
  }

  /**
   * What was before is in force again. If what was broken works now, the setup that had to go was to blame. What does not
   * work without it, either, says nothing about it: that is waited for, and then the setup may be tried again.
   */
  async returned(): Promise<void> {
    const { trial, inForce, changed } = this.#o;
    const setup = inForce.doubted;
    if (!setup || setup === this.#judging) return;
    this.#judging = setup;
    const asked = (): boolean => !this.#stopped && inForce.doubted === setup;
    const broken = this.#broken;
    const blamedFor = await trial.restored(broken);
    if (blamedFor.length === 0) await trial.untilTheyCanTell(broken, asked);
    if (!asked()) return;
    this.#judge(setup, blamedFor);
    changed();
  }

  #judge(setup: Setup, blamedFor: readonly Target[]): void {
    const { inForce, log } = this.#o;
    if (blamedFor.length === 0) {
      log.warn('something else kept this node from connecting; its new settings are tried again');
      inForce.acquit();
      return;
    }
    const names = blamedFor.map(({ name }) => name).join(', ');
    inForce.refuse(setup, new Error(`this node could connect before and could not with them: ${names}`), true);
  }

  async #look(revision: string): Promise<void> {
    const looking: { revision: string; working?: readonly Target[] } = { revision };
    this.#looking = looking;
    looking.working = await this.#o.trial.before();
    if (this.#looking === looking) this.#o.changed();
  }
}
