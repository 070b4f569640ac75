import { addressBytes, familyOf } from '../ip/index.ts';
import { addressFamily, flag } from './constants.ts';
import { unless } from './error.ts';
import { errno } from './libc.ts';
import type { MessageWriter } from './message-writer.ts';
import { ask } from './requests.ts';
import type { NetlinkTransport } from './socket.ts';

/** Numbers by their names. Source: linux/rtnetlink.h, kernel 6.18. */
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RT_TABLE_LOCAL = 255;
const RT_SCOPE_HOST = 254;
const RTN_LOCAL = 2;
const RTA_DST = 1;
const RTA_OIF = 4;

/** Of the interface `lo`, in every network namespace. */
const loopbackIndex = 1;

/** A range whose addresses are this host's own, without an interface that has them: nothing answers ARP for them. */
export interface LocalRoute {
  /** Canonical, e.g. `169.254.77.0/24`. */
  readonly range: string;
  /** rtm_protocol: tells whose route it is. `ip route show table local proto N` shows it. */
  readonly owner: number;
}

/** Makes a range local, unless it is already. @throws NetlinkError; code EPERM without CAP_NET_ADMIN */
export function addLocalRoute(socket: NetlinkTransport, route: LocalRoute): void {
  const description = `add the local route ${route.range}`;
  const flags = flag.create | flag.exclusive;
  unless(errno.EEXIST, () => {
    ask(
      socket,
      {
        description,
        type: RTM_NEWROUTE,
        flags,
        body: (writer) => {
          writeRoute(writer, route);
        },
      },
      ignore,
    );
  });
}

/** Takes a route away that `addLocalRoute` has made; nobody else's. False if there is none. @throws NetlinkError */
export function deleteLocalRoute(socket: NetlinkTransport, route: LocalRoute): boolean {
  const description = `delete the local route ${route.range}`;
  return unless(errno.ESRCH, () => {
    ask(
      socket,
      {
        description,
        type: RTM_DELROUTE,
        body: (writer) => {
          writeRoute(writer, route);
        },
      },
      ignore,
    );
  });
}

const ignore = (): void => undefined;

/** struct rtmsg and the attributes that name the route. */
function writeRoute(writer: MessageWriter, { range, owner }: LocalRoute): void {
  const [address = '', length = ''] = range.split('/');
  const family = familyOf(address);
  for (const byte of [addressFamily[family], Number(length), 0, 0]) writer.u8(byte);
  for (const byte of [RT_TABLE_LOCAL, owner, RT_SCOPE_HOST, RTN_LOCAL]) writer.u8(byte);
  writer.u32(0);
  writer.binary(RTA_DST, addressBytes(address, family));
  writer.hostNumber(RTA_OIF, loopbackIndex);
}
