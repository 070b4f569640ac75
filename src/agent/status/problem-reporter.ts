import type { EventRecorder } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { Problem } from '../../services/index.ts';

/**
 * Tells people of what could not be honoured in their Services and EndpointSlices: in the log, and as an Event on the
 * object. Every node finds the same in an object, so they share one Event.
 */
export class ProblemReporter {
  readonly #events: Pick<EventRecorder, 'sharedEvent'>;
  readonly #log: Logger;

  constructor(o: { events: Pick<EventRecorder, 'sharedEvent'>; log: Logger }) {
    this.#events = o.events;
    this.#log = o.log;
  }

  report({ object, reason, message }: Problem): void {
    this.#log.warn(message, { reason, ...object });
    const apiVersion = object.kind === 'Service' ? 'v1' : 'discovery.k8s.io/v1';
    this.#events.sharedEvent({ apiVersion, ...object }, 'Warning', reason, message);
  }
}
