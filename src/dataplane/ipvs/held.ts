import type { Destination, IpvsOperation, VirtualServer } from '../../ipvs/index.ts';
import type { EngineServer } from '../engines/index.ts';

/** A virtual server as the kernel has it or is to have it. */
export interface Held {
  readonly server: VirtualServer;
  /** By `address port`. */
  readonly destinations: ReadonlyMap<string, Destination>;
}

/** What is to be at a target. */
export function wantedOf({ family, protocol, target, scheduler, endpoints }: EngineServer): Held {
  return {
    server: { family, protocol, ...target, scheduler },
    destinations: byPlace(endpoints.map(({ address, port, weight }) => ({ address, port, weight }))),
  };
}

/** Destinations by what names them. */
export function byPlace<D extends Destination>(destinations: readonly D[]): Map<string, D> {
  return new Map(destinations.map((destination) => [`${destination.address} ${destination.port}`, destination]));
}

/** What makes `present` what is wanted; new destinations before others leave, so that there is always one. */
export function operationsTo(wanted: Held, present: Held | undefined): IpvsOperation[] {
  const { server } = wanted;
  const operations: IpvsOperation[] = [];
  if (!present) operations.push({ do: 'add', server });
  else if (present.server.scheduler !== server.scheduler) operations.push({ do: 'set', server });
  return [...operations, ...destinationOperations(wanted, present?.destinations ?? new Map<string, Destination>())];
}

function destinationOperations({ server, destinations }: Held, present: Held['destinations']): IpvsOperation[] {
  const operations: IpvsOperation[] = [];
  for (const [place, destination] of destinations) {
    const before = present.get(place);
    if (!before) operations.push({ do: 'add', server, destination });
    else if (before.weight !== destination.weight) operations.push({ do: 'set', server, destination });
  }
  for (const [place, destination] of present) {
    if (!destinations.has(place)) operations.push({ do: 'delete', server, destination });
  }
  return operations;
}
