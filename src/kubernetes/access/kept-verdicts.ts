/**
 * What was found out and is still believed: each for its time, and no more of them than a number. Who asks about what
 * nobody knows, an attacker say, pushes out what was found out longest ago, and never takes more memory.
 */
export class KeptVerdicts<Verdict> {
  readonly #kept = new Map<string, { readonly verdict: Verdict; readonly until: number }>();
  readonly #atMost: number;

  constructor(atMost: number) {
    this.#atMost = atMost;
  }

  /** @param now on the clock of `until` */
  get(key: string, now: number): Verdict | undefined {
    const kept = this.#kept.get(key);
    return kept !== undefined && now < kept.until ? kept.verdict : undefined;
  }

  /** @param until from then on it is not believed any more */
  keep(key: string, verdict: Verdict, until: number): void {
    this.#kept.delete(key);
    this.#kept.set(key, { verdict, until });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#atMost && oldest !== undefined) this.#kept.delete(oldest);
  }
}
