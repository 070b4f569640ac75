import { networkInterfaces } from 'node:os';
import { listenerRanges } from '../../haproxy/index.ts';
import { contains } from '../../ip/index.ts';
import { addLocalRoute, deleteLocalRoute, inNamespace, NetlinkSocket } from '../../netlink/index.ts';

/** rtm_protocol of our routes, those of IPVS included. */
const routeOwner = 110;
const ranges = Object.values(listenerRanges);

type Place = { readonly namespacePath?: string };

/** Makes the listeners' ranges this host's own. Says what keeps it from that; undefined if it is so. */
export function makeLocal({ namespacePath }: Place): string | undefined {
  const look = (): string | undefined => {
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);
    return addresses.find((address) => contains(ranges, address));
  };
  const taken = namespacePath === undefined ? look() : inNamespace(namespacePath, look);
  if (taken !== undefined) return `this host has the address ${taken}, and the proxy needs ${ranges.join(' and ')}`;
  withRoutes({ ...(namespacePath !== undefined && { namespacePath }) }, (socket) => {
    for (const range of ranges) addLocalRoute(socket, { range, owner: routeOwner });
  });
  return undefined;
}

/** Takes that back. @returns the ranges that were local */
export function release(place: Place): readonly string[] {
  return withRoutes(place, (socket) =>
    ranges.filter((range) => deleteLocalRoute(socket, { range, owner: routeOwner })),
  );
}

function withRoutes<Result>(place: Place, task: (socket: NetlinkSocket) => Result): Result {
  const socket = NetlinkSocket.open('route', place);
  try {
    return task(socket);
  } finally {
    socket.close();
  }
}
