import { chainAttribute, dropPolicy, hookAttribute, hookNumber } from '../constants.ts';
import type { MessageWriter, Payload } from '../../netlink/index.ts';
import { commentOf, encodeComment } from './user-data.ts';

/** A chain; with `base` it is called by the kernel, without it by other chains. */
export interface ChainDefinition {
  readonly name: string;
  readonly comment?: string;
  readonly base?: {
    readonly type: 'nat' | 'filter';
    readonly hook: keyof typeof hookNumber;
    /** As in nft: -100 is `dstnat`, 100 `srcnat`, 0 `filter`. */
    readonly priority: number;
  };
}

/** A chain as the kernel has it. */
export interface ChainInfo extends ChainDefinition {
  readonly handle: number;
  /** Rules in it, and rules and verdict elements that lead to it. */
  readonly uses: number;
  /** A base chain with policy drop; those that are written here accept what their rules leave undecided. */
  readonly drops?: true;
}

/** Writes the attributes of NEWCHAIN. */
export function encodeChain(writer: MessageWriter, table: string, chain: ChainDefinition): void {
  const { base } = chain;
  writer.string(chainAttribute.table, table);
  writer.string(chainAttribute.name, chain.name);
  if (base !== undefined) {
    const hook = writer.beginNested(chainAttribute.hook);
    writer.number(hookAttribute.number, hookNumber[base.hook]);
    writer.number(hookAttribute.priority, base.priority >>> 0);
    writer.endAttribute(hook);
    writer.string(chainAttribute.type, base.type);
  }
  encodeComment(writer, chainAttribute.userData, chain.comment);
}

const hookNames = new Map<number, keyof typeof hookNumber>(
  Object.entries(hookNumber).map(([name, number]) => [number, name as keyof typeof hookNumber]),
);

/** The attributes of a NEWCHAIN message. */
export function decodeChain(attributes: Payload): ChainInfo {
  const comment = commentOf(attributes.get(chainAttribute.userData));
  const base = baseOf(attributes);
  return {
    name: attributes.get(chainAttribute.name)?.string() ?? '',
    handle: attributes.get(chainAttribute.handle)?.u64() ?? 0,
    uses: attributes.get(chainAttribute.use)?.u32() ?? 0,
    ...(base === undefined ? {} : { base }),
    ...policyOf(attributes),
    ...(comment === undefined ? {} : { comment }),
  };
}

function policyOf(attributes: Payload): Pick<ChainInfo, 'drops'> {
  return attributes.get(chainAttribute.policy)?.u32() === dropPolicy ? { drops: true } : {};
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
