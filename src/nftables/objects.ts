import { chainAttribute, hookAttribute, hookNumber, tableAttribute, tableFlag } from './constants.ts';
import { attributesOf, protocolFamily } from '../netlink/index.ts';
import type { Message, Payload } from '../netlink/index.ts';
import type { ChainDefinition } from './transaction.ts';
import { userDataString, userDataType } from './user-data.ts';

export type TableFamily = 'inet' | 'ip' | 'ip6' | 'arp' | 'bridge' | 'netdev';

/** A table as the kernel has it. */
export interface TableInfo {
  readonly name: string;
  readonly family: TableFamily;
  readonly flags: { readonly dormant: boolean; readonly owner: boolean; readonly persist: boolean };
  /** Netlink port of the socket that owns it, often that process's id; undefined if nobody does. */
  readonly ownerPortId?: number;
  readonly comment?: string;
}

/** A chain as the kernel has it. */
export interface ChainInfo extends ChainDefinition {
  readonly handle: number;
  /** Rules in it, and rules and verdict elements that lead to it. */
  readonly uses: number;
}

const families: Readonly<Record<number, TableFamily>> = {
  [protocolFamily.inet]: 'inet',
  [protocolFamily.ipv4]: 'ip',
  [protocolFamily.arp]: 'arp',
  [protocolFamily.netdev]: 'netdev',
  [protocolFamily.bridge]: 'bridge',
  [protocolFamily.ipv6]: 'ip6',
};

/** A NEWTABLE message. */
export function decodeTable(message: Message): TableInfo {
  const attributes = attributesOf(message);
  const flags = attributes.get(tableAttribute.flags)?.u32() ?? 0;
  const ownerPortId = attributes.get(tableAttribute.owner)?.u32();
  const comment = commentOf(attributes.get(tableAttribute.userData));
  return {
    name: attributes.get(tableAttribute.name)?.string() ?? '',
    family: families[message.payload.u8()] ?? 'inet',
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

const hookNames = new Map<number, keyof typeof hookNumber>(
  Object.entries(hookNumber).map(([name, number]) => [number, name as keyof typeof hookNumber]),
);

/** A NEWCHAIN message. */
export function decodeChain(message: Message): ChainInfo {
  const attributes = attributesOf(message);
  const comment = commentOf(attributes.get(chainAttribute.userData));
  const base = baseOf(attributes);
  return {
    name: attributes.get(chainAttribute.name)?.string() ?? '',
    handle: attributes.get(chainAttribute.handle)?.u64() ?? 0,
    uses: attributes.get(chainAttribute.use)?.u32() ?? 0,
    ...(base === undefined ? {} : { base }),
    ...(comment === undefined ? {} : { comment }),
  };
}

function baseOf(attributes: Payload): ChainDefinition['base'] {
  const hook = attributes.get(chainAttribute.hook);
  if (hook === undefined) return undefined;
  return {
    type: attributes.get(chainAttribute.type)?.string() === 'nat' ? 'nat' : 'filter',
    hook: hookNames.get(hook.get(hookAttribute.number)?.u32() ?? 0) ?? 'prerouting',
    priority: hook.get(hookAttribute.priority)?.i32() ?? 0,
  };
}

function commentOf(userData: Payload | undefined): string | undefined {
  return userData === undefined ? undefined : userDataString(userData, userDataType.comment);
}
