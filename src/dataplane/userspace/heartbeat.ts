/** With as long as an answer is waited for (0.7 s) it takes a second at most until silence is noticed. */
const restMilliseconds = 300;

/** Has somebody asked again and again, never twice at once, whether he is there. Keeps no process alive. */
export class Heartbeat {
  readonly #beat: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #asking = false;

  /** @param beat asks, and never rejects */
  constructor(beat: () => Promise<void>) {
    this.#beat = beat;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#once(), restMilliseconds).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #once(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      await this.#beat();
    } finally {
      this.#asking = false;
    }
  }
}
