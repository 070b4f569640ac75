import type { EventRecorder } from '../../kubernetes/index.ts';
import type { Quarantine, SyncObserver } from '../sync/index.ts';

/**
 * Tells people by an Event on their Service that one of its ports was set aside, because the kernel refuses it or it needs
 * more than this node has room for; once, until it is served or refused for another reason.
 */
export class RefusalReporter implements SyncObserver {
  readonly #events: Pick<EventRecorder, 'sharedEvent'>;
  readonly #quarantine: Pick<Quarantine, 'values'>;
  /** What was told, by the id of the Service port. */
  #told = new Map<string, string>();

  constructor(o: { events: Pick<EventRecorder, 'sharedEvent'>; quarantine: Pick<Quarantine, 'values'> }) {
    this.#events = o.events;
    this.#quarantine = o.quarantine;
  }

  synced(): void {
    const told = new Map<string, string>();
    for (const { id, reason, desired } of this.#quarantine.values()) {
      if (!desired) continue;
      told.set(id, reason);
      if (this.#told.get(id) === reason) continue;
      const { namespace, name, portName, protocol, family } = desired.port;
      const port = `port ${portName === '' ? protocol : `${portName} (${protocol})`} over IPv${family}`;
      const service = { apiVersion: 'v1', kind: 'Service', namespace, name };
      this.#events.sharedEvent(service, 'Warning', 'ServicePortRefused', `${port} is set aside: ${reason}`);
    }
    this.#told = told;
  }
}
