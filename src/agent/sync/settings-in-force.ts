import type { NodeSettings } from '../../dataplane/index.ts';
import type { AssignedConfig } from '../sources/index.ts';

/** What a sync brings to the kernel beside the Service ports. */
export interface Setup {
  /** The configuration that it comes from. */
  readonly config: AssignedConfig;
  /** Compared by identity: the wanted state hands out another object only for other settings. */
  readonly settings: NodeSettings;
}

/** A setup that the kernel refused while it took the one before it. One object for each attempt. */
export interface RefusedSetup extends Setup {
  /** What the kernel said, or what no longer worked. */
  readonly error: unknown;
  /** The kernel took it, but something that worked did not any more. */
  readonly rolledBack: boolean;
}

/**
 * Which of the node's settings are in force, and which the kernel has refused: a setting that it does not take must not
 * keep it from following Services. Settings on trial are in force, but not good before they are found so; settings in
 * doubt are not in force, because something did not work with them, and not refused, because they may not be to blame.
 */
export class SettingsInForce {
  #good: Setup | undefined;
  #onTrial: Setup | undefined;
  #doubted: Setup | undefined;
  #inKernel: Setup | undefined;
  #refused: RefusedSetup | undefined;
  #retry = false;

  /** What the kernel has: the good setup, or the one on trial. */
  get inKernel(): Setup | undefined {
    return this.#inKernel;
  }

  /** What is in force and may have to go again. */
  get onTrial(): Setup | undefined {
    return this.#onTrial;
  }

  /** What had to go, while nobody can say yet whether it was to blame. */
  get doubted(): Setup | undefined {
    return this.#doubted;
  }

  /** What the kernel took last and kept; undefined before it has taken anything. */
  get good(): Setup | undefined {
    return this.#good;
  }

  /** What is wanted and refused; undefined if the kernel has what is wanted. */
  get refused(): RefusedSetup | undefined {
    return this.#refused;
  }

  /** What to write: the wanted setup, or the last good one while nothing gives reason to try a refused one again. */
  choose(wanted: Setup): Setup {
    if (this.#onTrial) return this.#onTrial;
    if (this.#good && this.#isDoubted(wanted)) return this.#good;
    this.#doubted = undefined;
    const anew = this.#retry || this.#isNews(wanted);
    this.#retry = false;
    return anew ? wanted : (this.#good ?? wanted);
  }

  #isDoubted({ config }: Setup): boolean {
    return this.#doubted?.config.revision === config.revision;
  }

  /** Whether there is more reason to try it than there was for what was refused. */
  #isNews(wanted: Setup): boolean {
    const refused = this.#refused;
    // Another revision is a reason: somebody may have mended what the kernel refused.
    if (!refused || refused.config.revision !== wanted.config.revision) return true;
    return !refused.rolledBack && !isSame(refused, wanted);
  }

  /** The kernel has what was chosen: what is wanted, or the last good one in its place. */
  taken(setup: Setup): void {
    this.#inKernel = setup;
    if (setup === this.#good) return;
    this.#onTrial = undefined;
    this.#good = setup;
    this.#refused = undefined;
  }

  /** The kernel has it, and it may have to go again. */
  tried(setup: Setup): void {
    this.#inKernel = setup;
    this.#onTrial = setup;
    this.#refused = undefined;
  }

  /** It has to go, whoever is to blame. */
  withdraw(setup: Setup): void {
    this.#onTrial = undefined;
    this.#doubted = setup;
  }

  /** It was not to blame: it may be tried again. */
  acquit(): void {
    this.#doubted = undefined;
  }

  /** The kernel has refused it, and still has the last good one; or it is rolled back, and the last good one is next. */
  refuse(setup: Setup, error: unknown, rolledBack = false): void {
    this.#onTrial = undefined;
    this.#doubted = undefined;
    this.#refused = { ...setup, error, rolledBack };
  }

  /** A setup that the kernel refused is tried at the next opportunity. False if there is none. */
  retry(): boolean {
    this.#retry = this.#refused?.rolledBack === false;
    return this.#retry;
  }
}

/** Whether the kernel would be asked for the same. */
export function isSame(a: Setup, b: Setup): boolean {
  return modeOf(a) === modeOf(b) && a.settings === b.settings;
}

function modeOf({ config }: Setup): string {
  return config.config.mode;
}
