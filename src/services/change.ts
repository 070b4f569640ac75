import type { ProblemChange } from './problem-book.ts';
import type { Problem, ServicePort } from './types.ts';

/** What one event changed. */
export interface Change {
  /** Id to new state, undefined if it is gone. Only what really differs. */
  readonly changed: ReadonlyMap<string, ServicePort | undefined>;
  readonly problems: ProblemChange;
  /** Whether {@link ForwardingState.healthCheckNodePorts} differs. */
  readonly healthChecksChanged: boolean;
}

/** Collects what one event touches, as it was before. */
export class Touched {
  readonly ports = new Map<string, ServicePort | undefined>();
  readonly added: Problem[] = [];
  readonly removed: Problem[] = [];
  healthChecks = false;

  /** What of it is really different now; `now` tells the present state of a Service port. */
  toChange(now: (id: string) => ServicePort | undefined): Change {
    const changed = new Map<string, ServicePort | undefined>();
    for (const [id, before] of this.ports) {
      const present = now(id);
      if (present !== before) changed.set(id, present);
    }
    const { added, removed } = this;
    return { changed, problems: { added, removed }, healthChecksChanged: this.healthChecks };
  }
}
