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
  /** What the kernel said. */
  readonly error: unknown;
}

/**
 * Which of the node's settings are in force, and which the kernel has refused: a setting that it does not take must not
 * keep it from following Services.
 */
export class SettingsInForce {
  #good: Setup | undefined;
  #refused: RefusedSetup | undefined;
  #retry = false;

  /** What the kernel has; undefined before it has taken anything. */
  get good(): Setup | undefined {
    return this.#good;
  }

  /** What is wanted and refused; undefined if the kernel has what is wanted. */
  get refused(): RefusedSetup | undefined {
    return this.#refused;
  }

  /** What to write: the wanted setup, or the last good one while nothing gives reason to try a refused one again. */
  choose(wanted: Setup): Setup {
    const refused = this.#refused;
    // Another revision is a reason: somebody may have mended what the kernel refused.
    const anew =
      this.#retry || !refused || refused.config.revision !== wanted.config.revision || !isSame(refused, wanted);
    this.#retry = false;
    return anew ? wanted : (this.#good ?? wanted);
  }

  /** The kernel has what was chosen: what is wanted, or the last good one in its place. */
  taken(setup: Setup): void {
    if (setup === this.#good) return;
    this.#good = setup;
    this.#refused = undefined;
  }

  /** The kernel has refused it, and still has the last good one. */
  refuse(setup: Setup, error: unknown): void {
    this.#refused = { ...setup, error };
  }

  /** A refused setup is tried at the next opportunity. False if there is none. */
  retry(): boolean {
    this.#retry = this.#refused !== undefined;
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
