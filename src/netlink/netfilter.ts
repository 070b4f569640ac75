import type { Message, Payload } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';
import type { NetlinkRequest } from './requests.ts';

/**
 * nfnetlink: what nf_tables, connection tracking and their like have in common. Source: linux/netfilter/nfnetlink.h and
 * linux/netfilter.h, kernel 6.18; each number has the kernel's name beside it.
 */

/** The high byte of nlmsghdr.nlmsg_type. */
export const subsystem = {
  conntrack: 1, // NFNL_SUBSYS_CTNETLINK
  ipset: 6, // NFNL_SUBSYS_IPSET
  nftables: 10, // NFNL_SUBSYS_NFTABLES
} as const;

/** Multicast groups. */
export const netfilterGroup = {
  nftables: 7, // NFNLGRP_NFTABLES
} as const;

/** nfgenmsg.nfgen_family. */
export const protocolFamily = {
  unspecified: 0, // NFPROTO_UNSPEC
  inet: 1, // NFPROTO_INET
  ipv4: 2, // NFPROTO_IPV4
  arp: 3, // NFPROTO_ARP
  netdev: 5, // NFPROTO_NETDEV
  bridge: 7, // NFPROTO_BRIDGE
  ipv6: 10, // NFPROTO_IPV6
} as const;

/** nlmsghdr.nlmsg_type of the frame of a batch: messages that are applied together or not at all. */
export const batchMessageType = {
  begin: 0x10, // NFNL_MSG_BATCH_BEGIN
  end: 0x11, // NFNL_MSG_BATCH_END
} as const;

/** Of the message that begins a batch. */
export const batchAttribute = {
  generation: 1, // NFNL_BATCH_GENID
} as const;

/** sizeof(struct nfgenmsg) */
const headerLength = 4;

/** nlmsghdr.nlmsg_type of a subsystem's message. */
export function netfilterMessageType(subsystemNumber: number, message: number): number {
  return (subsystemNumber << 8) | message;
}

/** nfgenmsg: the header that every nfnetlink message carries after nlmsghdr. */
export function writeNetfilterHeader(writer: MessageWriter, family: number, resource = 0): void {
  writer.u8(family);
  // NFNETLINK_V0
  writer.u8(0);
  writer.u16(resource);
}

/** nfgenmsg.nfgen_family of a message. */
export function netfilterFamily(message: Message): number {
  return message.payload.u8();
}

/** The attributes of a message, after its nfgenmsg. */
export function netfilterAttributes(message: Message): Payload {
  return message.payload.after(headerLength);
}

/** What to ask a subsystem of netfilter. */
export interface NetfilterQuestion extends Pick<NetlinkRequest, 'description' | 'hint'> {
  readonly subsystem: number;
  /** The low byte of nlmsghdr.nlmsg_type. */
  readonly message: number;
  readonly family: number;
  readonly attributes?: ((writer: MessageWriter) => void) | undefined;
}

/** The request that asks it. */
export function netfilterRequest(question: NetfilterQuestion): NetlinkRequest {
  const { description, hint } = question;
  return {
    description,
    ...(hint === undefined ? {} : { hint }),
    type: netfilterMessageType(question.subsystem, question.message),
    body: (writer) => {
      writeNetfilterHeader(writer, question.family);
      question.attributes?.(writer);
    },
  };
}
