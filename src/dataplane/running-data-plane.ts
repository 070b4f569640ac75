import { describeError } from '../runtime/index.ts';
import type { Logger } from '../runtime/index.ts';
import type { DataPlane, DesiredPort, NodeSettings, Started } from './data-plane.ts';
import type { DataPlaneFactories } from './modes.ts';

/**
 * The data plane that runs, and the hand-over when the configuration names another mode: the next one is complete
 * before the one before it goes, so that no connection finds neither.
 */
export class RunningDataPlane {
  readonly #factories: DataPlaneFactories;
  #current: DataPlane | undefined;
  /** What has opened it. */
  #opener: (() => DataPlane) | undefined;
  /** What has been replaced, or may have been left by an earlier run of the agent, and is not yet removed. */
  #leaving: DataPlane[] | undefined;
  readonly #log: Logger;
  readonly #lost: () => void;
  /** Why what is leaving could not be removed, as it was told last. */
  #told: string | undefined;

  /** @param lost told when what serves has ended by itself (`whenLost` of a data plane) */
  constructor(factories: DataPlaneFactories, log: Logger, lost: () => void = () => undefined) {
    this.#lost = lost;
    this.#factories = factories;
    this.#log = log;
  }

  /** The data plane that serves; undefined before the first start. */
  get current(): DataPlane | undefined {
    return this.#current;
  }

  /** Whether the data plane that runs does what this mode asks for; its settings say how. */
  serves(mode: string): boolean {
    return this.#current !== undefined && this.#opener === this.#factories[mode];
  }

  /** Its mode; undefined before the first start. */
  get mode(): string | undefined {
    return this.#current?.mode;
  }

  /**
   * Starts the data plane of `mode`, or compares the one that runs with the kernel. If another mode ran, it is removed
   * once this one is complete, as {@link removeOthers} does.
   *
   * @throws what its `start` throws; then the mode before it goes on serving.
   */
  async start(mode: string, ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Started> {
    if (this.#current && this.serves(mode)) {
      const started = await this.#current.start(ports, node);
      await this.removeOthers();
      return started;
    }
    const next = this.#open(mode);
    let started: Started;
    try {
      started = await next.start(ports, node);
    } catch (error) {
      next.close();
      throw error;
    }
    const previous = this.#current;
    this.#current = next;
    next.whenLost?.(this.#lost);
    this.#opener = this.#factories[mode];
    if (previous) this.#leaving = [...(this.#leaving ?? []), previous];
    await this.removeOthers();
    return started;
  }

  /**
   * Removes the modes that do not serve any more. One that cannot be removed is told in the log and no failure: the mode
   * that serves does; it is tried again at the next call. To be called when nothing else writes.
   */
  async removeOthers(): Promise<void> {
    // An agent that was restarted with another mode finds the other one's state in the kernel.
    this.#leaving ??= [...new Set(Object.values(this.#factories))]
      .filter((other) => other !== this.#opener)
      .map((open) => open());
    try {
      while (this.#leaving.length > 0) {
        const [first] = this.#leaving;
        await first?.remove('connections');
        first?.close();
        this.#leaving.shift();
      }
      this.#told = undefined;
    } catch (error) {
      this.#tell(this.#leaving[0]?.mode, error);
    }
  }

  /** To be called when nothing else writes, and before `close`. What fails is told in the log: it keeps nobody from ending. */
  async standDown(): Promise<void> {
    try {
      await this.#current?.standDown?.();
    } catch (error) {
      this.#log.error('cannot hand Services over to the kernel; if this Pod goes, they wait for the next one', {
        error,
      });
    }
  }

  close(): void {
    for (const dataPlane of [this.#current, ...(this.#leaving ?? [])]) dataPlane?.close();
  }

  #open(mode: string): DataPlane {
    const open = this.#factories[mode];
    if (!open) throw new Error(`there is no data plane for mode ${mode}`);
    return open();
  }

  /** There may be ten syncs a second: the same complaint is not told again. */
  #tell(mode: string | undefined, error: unknown): void {
    const text = describeError(error);
    if (text === this.#told) return;
    this.#told = text;
    this.#log.error('cannot remove the mode before; the new one serves, and the next sync tries again', {
      mode,
      error,
    });
  }
}
