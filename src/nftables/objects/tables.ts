import { tableAttribute, tableFlag } from '../constants.ts';
import { netfilterAttributes, netfilterFamily, protocolFamily } from '../../netlink/index.ts';
import type { Message, MessageWriter } from '../../netlink/index.ts';
import { commentOf, encodeComment } from './user-data.ts';

export interface TableOptions {
  /** Only the socket that adds the table may change it; it is gone with the socket unless `persist`. Kernel 5.12. */
  readonly owner?: boolean;
  /** The table stays when its owner's socket closes, and the next socket that adds it owns it. Kernel 6.9. */
  readonly persist?: boolean;
  readonly comment?: string;
}

export type TableFamily = 'inet' | 'ip' | 'ip6' | 'arp' | 'bridge' | 'netdev';
/** Families of tables in which IP packets are looked at. */
export type IpTableFamily = 'inet' | 'ip' | 'ip6';

/** A table as the kernel has it. */
export interface TableInfo {
  readonly name: string;
  readonly family: TableFamily;
  readonly flags: { readonly dormant: boolean; readonly owner: boolean; readonly persist: boolean };
  /** Netlink port of the socket that owns it, often that process's id; undefined if nobody does. */
  readonly ownerPortId?: number;
  readonly comment?: string;
}

/** Writes the attributes of NEWTABLE. */
export function encodeTable(writer: MessageWriter, name: string, options: TableOptions): void {
  writer.string(tableAttribute.name, name);
  const flags = (options.owner === true ? tableFlag.owner : 0) | (options.persist === true ? tableFlag.persist : 0);
  writer.number(tableAttribute.flags, flags);
  encodeComment(writer, tableAttribute.userData, options.comment);
}

/** nfgenmsg.nfgen_family of messages about the tables of a family. */
export const familyNumber: Readonly<Record<TableFamily, number>> = {
  inet: protocolFamily.inet,
  ip: protocolFamily.ipv4,
  arp: protocolFamily.arp,
  netdev: protocolFamily.netdev,
  bridge: protocolFamily.bridge,
  ip6: protocolFamily.ipv6,
};

/** The family of tables that a message is about. */
export function tableFamilyOf(message: Message): TableFamily {
  const number = netfilterFamily(message);
  const known = Object.entries(familyNumber).find(([, value]) => value === number);
  // `as`: the keys of that record.
  return (known?.[0] ?? 'inet') as TableFamily;
}

/** A NEWTABLE message. */
export function decodeTable(message: Message): TableInfo {
  const attributes = netfilterAttributes(message);
  const flags = attributes.get(tableAttribute.flags)?.u32() ?? 0;
  const ownerPortId = attributes.get(tableAttribute.owner)?.u32();
  const comment = commentOf(attributes.get(tableAttribute.userData));
  return {
    name: attributes.get(tableAttribute.name)?.string() ?? '',
    family: tableFamilyOf(message),
    flags: {
      dormant: (flags & tableFlag.dormant) !== 0,
      owner: (flags & tableFlag.owner) !== 0,
      persist: (flags & tableFlag.persist) !== 0,
    },
    // A persistent table without a living owner still has the flag, and port 0.
    ...(ownerPortId === undefined || ownerPortId === 0 ? {} : { ownerPortId }),
    ...(comment === undefined ? {} : { comment }),
  };
}
