import { genericRequest } from '../netlink/index.ts';
import type { GenericFamily, NetlinkRequest } from '../netlink/index.ts';
import { command } from './constants.ts';
import { writeDestination, writeName, writeServer } from './virtual-server.ts';
import type { Destination, VirtualServer, VirtualServerName } from './virtual-server.ts';

/** One thing to do. Those of a virtual server that is not there are refused with ESRCH. */
export type IpvsOperation =
  /** Refused with EEXIST if it is there, with ENOENT if the kernel has no such scheduler. */
  | { readonly do: 'add'; readonly server: VirtualServer }
  /** Gives it another scheduler. */
  | { readonly do: 'set'; readonly server: VirtualServer }
  /** Takes it away with its destinations; what conntrack translates goes on. */
  | { readonly do: 'delete'; readonly server: VirtualServerName }
  /** `add` is refused with EEXIST if it is there, `set` with ENOENT if it is not. */
  | { readonly do: 'add' | 'set'; readonly server: VirtualServerName; readonly destination: Destination }
  /** Refused with ENOENT if it is not there. */
  | {
      readonly do: 'delete';
      readonly server: VirtualServerName;
      readonly destination: Pick<Destination, 'address' | 'port'>;
    };

const serverCommand = { add: command.newService, set: command.setService, delete: command.deleteService } as const;
const destinationCommand = {
  add: command.newDestination,
  set: command.setDestination,
  delete: command.deleteDestination,
} as const;

/** The request that has the kernel carry an operation out. Throws RangeError for a protocol or address that is none. */
export function requestFor(family: GenericFamily, operation: IpvsOperation): NetlinkRequest {
  const { server } = operation;
  const destination = 'destination' in operation ? operation.destination : undefined;
  const what = destination === undefined ? '' : `destination ${destination.address} ${destination.port} of `;
  return genericRequest(family, {
    description: `${operation.do} ${what}${nameOf(server)}`,
    command: (destination === undefined ? serverCommand : destinationCommand)[operation.do],
    attributes: (writer) => {
      if ('scheduler' in server) writeServer(writer, server);
      else writeName(writer, server);
      if (destination !== undefined) writeDestination(writer, server.family, destination);
    },
  });
}

/** For people: `virtual server tcp 169.254.77.1 4711`. */
export function nameOf({ protocol, address, port }: VirtualServerName): string {
  return `virtual server ${protocol} ${address} ${port}`;
}
