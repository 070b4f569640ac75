import type { ConntrackEntry, ConntrackSocket } from '../../conntrack/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { ServicePort } from '../../services/index.ts';
import type { Synced, SyncObserver } from '../sync/index.ts';
import { ConntrackCleaner } from './cleaner.ts';
import type { CleanUp, ConntrackTable } from './cleaner.ts';
import type { ConntrackSection } from './stale-connection-tracker.ts';
import type { TrackedConnection, TrackedServicePort } from './what-is-stale.ts';

/** A connection as the cleaner judges it, with what the kernel needs to delete it. */
export interface Tracked extends TrackedConnection {
  readonly entry: ConntrackEntry;
}

/** Cleans the kernel's connection tracking after what syncs have brought to the kernel, never after what is pending. */
export class ConntrackCleaning implements SyncObserver {
  readonly #cleaner: ConntrackCleaner<Tracked>;

  constructor(o: {
    conntrack: ConntrackSocket;
    nodePortAddresses: () => readonly string[];
    onCleaned: (cleanUp: CleanUp) => void;
    log: Logger;
    clock: Clock;
  }) {
    this.#cleaner = new ConntrackCleaner<Tracked>({
      table: conntrackTable(o.conntrack),
      nodePortAddresses: () => new Set(o.nodePortAddresses()),
      onCleaned: (cleanUp) => {
        o.onCleaned(cleanUp);
        const { family, deleted, examined } = cleanUp;
        if (deleted > 0) o.log.info('deleted stale conntrack entries', { family, deleted, examined });
      },
      onFailure: (error, retryInMilliseconds) =>
        o.log.warn('cannot clean conntrack; trying again', { error, retryInMilliseconds }),
      clock: o.clock,
    });
  }

  synced({ result }: Synced): void {
    const ports: [string, TrackedServicePort | undefined][] = [];
    for (const { before, after } of result.changes) {
      const id = (after ?? before)?.id;
      if (id !== undefined) ports.push([id, after && trackedPort(after)]);
    }
    this.#cleaner.applied(ports);
    for (const { family, protocol, ...frontend } of result.removedFrontends) {
      this.#cleaner.frontendGone({ family, protocol }, frontend);
    }
  }

  /** NodePorts are served at other addresses of this node than before. */
  nodePortAddressesChanged(): void {
    this.#cleaner.nodePortAddressesChanged();
  }

  stop(): Promise<void> {
    return this.#cleaner.stop();
  }
}

/** The kernel's connection tracking as the cleaner sees it. */
export function conntrackTable(socket: ConntrackSocket): ConntrackTable<Tracked> {
  return {
    // TCP that was answered is never stale. Most of a table is that; the kernel need not even hand it over.
    scan: (section, visit) =>
      socket.scan(section.protocol === 'tcp' ? { ...section, answered: false } : section, (entry) =>
        visit(tracked(entry, section)),
      ),
    delete: ({ entry }) => socket.delete(entry),
  };
}

function tracked(entry: ConntrackEntry, { family, protocol }: ConntrackSection): Tracked {
  const { original, reply, status } = entry;
  return { entry, family, protocol, original, reply, seenReply: status.seenReply };
}

/** A Service port with everything a connection to it may legitimately end at. */
export function trackedPort(port: ServicePort): TrackedServicePort {
  const { protocol, family, frontends, clusterEndpoints, localEndpoints, otherServingEndpoints } = port;
  const servingEndpoints = [...clusterEndpoints, ...localEndpoints, ...otherServingEndpoints];
  return { protocol, family, frontends, servingEndpoints };
}
