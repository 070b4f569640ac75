import type { DataPlane, DesiredPort, NodeSettings, Started } from './data-plane.ts';
import type { DataPlaneFactories } from './modes.ts';

/**
 * The data plane that runs, and the hand-over when the configuration names another mode: the next one is complete
 * before the one before it goes, so that no connection finds neither.
 */
export class RunningDataPlane {
  readonly #factories: DataPlaneFactories;
  #current: DataPlane | undefined;
  /** What has been replaced, or may have been left by an earlier run of the agent, and is not yet removed. */
  #leaving: DataPlane[] | undefined;

  constructor(factories: DataPlaneFactories) {
    this.#factories = factories;
  }

  /** The data plane that serves; undefined before the first start. */
  get current(): DataPlane | undefined {
    return this.#current;
  }

  /** Its mode; undefined before the first start. */
  get mode(): string | undefined {
    return this.#current?.mode;
  }

  /**
   * Starts the data plane of `mode`, or compares the one that runs with the kernel. If another mode ran, it is removed
   * once this one is complete; one that cannot be removed is tried again at the next start.
   *
   * @throws what its `start` throws; then the mode before it goes on serving.
   */
  async start(mode: string, ports: ReadonlyMap<string, DesiredPort>, node: NodeSettings): Promise<Started> {
    if (this.#current?.mode === mode) {
      const started = await this.#current.start(ports, node);
      await this.#removeOthers(mode);
      return started;
    }
    const next = this.#open(mode);
    try {
      const started = await next.start(ports, node);
      const previous = this.#current;
      this.#current = next;
      if (previous) this.#leaving = [...(this.#leaving ?? []), previous];
      await this.#removeOthers(mode);
      return started;
    } catch (error) {
      if (this.#current !== next) next.close();
      throw error;
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

  async #removeOthers(mode: string): Promise<void> {
    // An agent that was restarted with another mode finds the other one's state in the kernel.
    this.#leaving ??= Object.keys(this.#factories)
      .filter((other) => other !== mode)
      .map((other) => this.#open(other));
    while (this.#leaving.length > 0) {
      const [first] = this.#leaving;
      await first?.remove();
      first?.close();
      this.#leaving.shift();
    }
  }
}
