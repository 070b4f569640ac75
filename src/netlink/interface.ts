import { addressBytes, formatIpv4, formatIpv6 } from '../ip/index.ts';
import type { Family } from '../ip/index.ts';
import { addressFamily } from './constants.ts';
import { MalformedMessageError, unless } from './error.ts';
import { errno } from './libc.ts';
import { ask, askAll, dump } from './requests.ts';
import type { NetlinkRequest } from './requests.ts';
import type { NetlinkTransport } from './socket.ts';

/** Numbers by their names. Source: linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h; kernel 6.18. */
const message = {
  deleteLink: 17, // RTM_DELLINK
  getLink: 18, // RTM_GETLINK
  deleteAddress: 21, // RTM_DELADDR
  getAddress: 22, // RTM_GETADDR
} as const;
const IFLA_IFNAME = 3;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
/** sizeof(struct ifinfomsg), sizeof(struct ifaddrmsg) */
const linkHeader = 16;
const addressHeader = 8;
const addressLength = { 4: 4, 6: 16 } as const;

/** An address of an interface. */
export interface InterfaceAddress {
  readonly family: Family;
  /** Canonical. */
  readonly address: string;
  readonly prefixLength: number;
  /** Number of the interface that has it. */
  readonly interface: number;
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

/** All addresses of all interfaces, those that are down included. Rejects with NetlinkError. */
export function interfaceAddresses(socket: NetlinkTransport): Promise<InterfaceAddress[]> {
  const request: NetlinkRequest = {
    description: 'list the addresses of interfaces',
    type: message.getAddress,
    body: (writer) => {
      writer.zeros(addressHeader);
    },
  };
  return dump(socket, request, () => {
    const found: InterfaceAddress[] = [];
    return {
      use: ({ payload }) => {
        const family = payload.u8() === addressFamily[4] ? 4 : 6;
        const attributes = payload.after(addressHeader);
        const bytes = (attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS))?.copy();
        if (bytes === undefined) return;
        if (bytes.length < addressLength[family]) throw new MalformedMessageError('half an address of an interface');
        const address = family === 4 ? formatIpv4(bytes, 0) : formatIpv6(bytes, 0);
        found.push({ family, address, prefixLength: payload.u8(1), interface: payload.u32HostEndian(4) });
      },
      result: () => found,
    };
  });
}

/** Takes addresses off their interfaces; those that are gone already are no matter. Rejects with NetlinkError. */
export async function deleteAddresses(socket: NetlinkTransport, addresses: readonly InterfaceAddress[]): Promise<void> {
  for (const error of (await askAll(socket, addresses.map(deletion))).values()) {
    if (error.errno !== errno.EADDRNOTAVAIL) throw error;
  }
}

function deletion({ family, address, prefixLength, interface: number }: InterfaceAddress): NetlinkRequest {
  return {
    description: `delete the address ${address}`,
    type: message.deleteAddress,
    body: (writer) => {
      for (const byte of [addressFamily[family], prefixLength, 0, 0]) writer.u8(byte);
      writer.u32HostEndian(number);
      writer.binary(IFA_LOCAL, addressBytes(address, family));
    },
  };
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
