import { MalformedMessageError, unless } from './error.ts';
import { errno } from './libc.ts';
import type { Message } from './message-reader.ts';
import { ask, dump } from './requests.ts';
import type { NetlinkRequest } from './requests.ts';
import type { NetlinkTransport } from './socket.ts';

/** Numbers by their names. Source: linux/rtnetlink.h, linux/if_link.h, linux/if.h; kernel 6.18. */
const message = {
  newLink: 16, // RTM_NEWLINK
  deleteLink: 17, // RTM_DELLINK
  getLink: 18, // RTM_GETLINK
} as const;
const IFLA_IFNAME = 3;
const IFLA_MASTER = 10;
const IFF_LOOPBACK = 0x8;
/** sizeof(struct ifinfomsg) */
const linkHeader = 16;

/** The multicast group in which the kernel tells of interfaces, for `NetlinkSocket.listen`. */
export const linkGroup = 1; // RTNLGRP_LINK

/** A network interface. */
export interface Link {
  readonly number: number;
  readonly name: string;
  readonly loopback: boolean;
  /** Number of the bridge, bond or the like that it is a part of. */
  readonly master?: number;
}

/** The number of the interface with this name; undefined if there is none. @throws NetlinkError */
export function interfaceNumber(socket: NetlinkTransport, name: string): number | undefined {
  let found: number | undefined;
  unless(errno.ENODEV, () => {
    ask(socket, named(message.getLink, `look for the interface ${name}`, name), ({ payload }) => {
      // ifinfomsg.ifi_index
      found = payload.i32HostEndian(4);
    });
  });
  return found;
}

/** Takes an interface away. False if there is none. @throws NetlinkError */
export function deleteInterface(socket: NetlinkTransport, name: string): boolean {
  return unless(errno.ENODEV, () => {
    ask(socket, named(message.deleteLink, `delete the interface ${name}`, name), () => undefined);
  });
}

/** All interfaces of the socket's network namespace, those that are down included. Rejects with NetlinkError. */
export function links(socket: NetlinkTransport): Promise<Link[]> {
  const request: NetlinkRequest = {
    description: 'list interfaces',
    type: message.getLink,
    body: (writer) => {
      writer.zeros(linkHeader);
    },
  };
  return dump(socket, request, () => {
    const found: Link[] = [];
    return {
      use: (answer) => {
        const change = linkChangeOf(answer);
        if (change && 'link' in change) found.push(change.link);
      },
      result: () => found,
    };
  });
}

/** What became of an interface: it is there as `link` says, or the one with this number is gone. */
export type LinkChange = { readonly link: Link } | { readonly gone: number };

/**
 * What a message of `linkGroup` tells; undefined if it is about something else, for instance about the place of an
 * interface in a bridge, which comes as a message of the family of bridges.
 *
 * @throws MalformedMessageError for an interface without a name
 */
export function linkChangeOf({ type, payload }: Message): LinkChange | undefined {
  const isAboutLink = type === message.newLink || type === message.deleteLink;
  // ifinfomsg: family, padding, type, index, flags, change
  if (!isAboutLink || payload.u8() !== 0) return undefined;
  const number = payload.i32HostEndian(4);
  if (type === message.deleteLink) return { gone: number };
  const attributes = payload.after(linkHeader);
  const name = attributes.get(IFLA_IFNAME)?.string();
  if (name === undefined) throw new MalformedMessageError('an interface without a name');
  const master = attributes.get(IFLA_MASTER)?.u32HostEndian();
  const loopback = (payload.u32HostEndian(8) & IFF_LOOPBACK) !== 0;
  return { link: { number, name, loopback, ...(master === undefined || master === 0 ? {} : { master }) } };
}

function named(type: number, description: string, name: string): NetlinkRequest {
  return {
    description,
    type,
    body: (writer) => {
      writer.zeros(linkHeader);
      writer.string(IFLA_IFNAME, name);
    },
  };
}
