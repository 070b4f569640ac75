import type { EventRecorder } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { Problem } from '../../services/index.ts';

/**
 * Tells people of what could not be honoured in their Services and EndpointSlices: in the log, and as an Event on the
 * object. Every node finds the same in an object, so the agent of one of them writes the Events, which the operator
 * chooses. Should two believe that they are it, they write the same Event.
 */
export class ProblemReporter {
  readonly #events: Pick<EventRecorder, 'sharedEvent'>;
  readonly #present: () => readonly Problem[];
  readonly #log: Logger;
  #speaks = false;

  /** @param o.present all that cannot be honoured now */
  constructor(o: { events: Pick<EventRecorder, 'sharedEvent'>; present: () => readonly Problem[]; log: Logger }) {
    this.#events = o.events;
    this.#present = o.present;
    this.#log = o.log;
  }

  /** Whether this agent writes the Events. One that begins to tells all there is: its predecessor may not have. */
  speak(speaks: boolean): void {
    if (speaks && !this.#speaks) this.#present().forEach((problem) => this.#tell(problem));
    this.#speaks = speaks;
  }

  /** Something has come that cannot be honoured. */
  report(problem: Problem): void {
    const { object, reason, message } = problem;
    this.#log.warn(message, { reason, ...object });
    if (this.#speaks) this.#tell(problem);
  }

  #tell({ object, reason, message }: Problem): void {
    const apiVersion = object.kind === 'Service' ? 'v1' : 'discovery.k8s.io/v1';
    this.#events.sharedEvent({ apiVersion, ...object }, 'Warning', reason, message);
  }
}
