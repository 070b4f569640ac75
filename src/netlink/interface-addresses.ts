import { addressBytes, formatIpv4, formatIpv6 } from '../ip/index.ts';
import type { Family } from '../ip/index.ts';
import { addressFamily } from './constants.ts';
import { MalformedMessageError } from './error.ts';
import { errno } from './libc.ts';
import { askAll, dump } from './requests.ts';
import type { NetlinkRequest } from './requests.ts';
import type { NetlinkTransport } from './socket.ts';

/** Numbers by their names. Source: linux/rtnetlink.h, linux/if_addr.h; kernel 6.18. */
const message = {
  deleteAddress: 21, // RTM_DELADDR
  getAddress: 22, // RTM_GETADDR
} as const;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
/** sizeof(struct ifaddrmsg) */
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
