/**
 * More repairs than that within this time are the work of somebody who will do it again: a start of another program needs
 * one, and kube-proxy syncs every 30 s in a cluster in which nothing happens.
 */
const tolerated = 3;
const withinMilliseconds = 600_000;
/** How long an engine gives way, before it tries again. */
const truceMilliseconds = 600_000;

/**
 * Whether an engine should give way to a program that keeps undoing what it has made. kube-proxy in mode ipvs does: with
 * each of its syncs it deletes the virtual servers that are not its own (cleanLegacyService of pkg/proxy/ipvs/proxier.go,
 * Kubernetes 1.36), and what is repaired within a second is gone again a second later.
 */
export class Disputes {
  #repairs: number[] = [];
  #truceUntil = -Infinity;

  /** Something had to be repaired. True if the engine gives way from now on. */
  repaired(now = performance.now()): boolean {
    this.#repairs = [...this.#repairs.filter((at) => now - at < withinMilliseconds), now];
    if (this.#repairs.length <= tolerated) return false;
    this.#repairs = [];
    this.#truceUntil = now + truceMilliseconds;
    return true;
  }

  /** It gives way. */
  underTruce(now = performance.now()): boolean {
    return now < this.#truceUntil;
  }
}
