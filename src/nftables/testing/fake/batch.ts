import { nftMessage } from '../../constants.ts';
import { batchAttribute, batchMessageType, flag, netfilterAttributes, subsystem } from '../../../netlink/index.ts';
import type { Message } from '../../../netlink/index.ts';
import type { Change, Effect } from './change.ts';
import { deleteChain, newChain } from './chain-changes.ts';
import { deleteElements, newElements } from './element-changes.ts';
import { deleteFlowtable, newFlowtable } from './flowtable-changes.ts';
import { Refusal } from './refusal.ts';
import { deleteRule, newRule } from './rule-changes.ts';
import type { Ruleset } from './ruleset.ts';
import { deleteSet, newSet } from './set-changes.ts';
import { deleteTable, destroyTable, newTable } from './table-changes.ts';
import { answerTo } from './wire.ts';
import type { Answer } from './wire.ts';

const handlers: Readonly<Record<number, (change: Change) => Effect>> = {
  [nftMessage.newTable]: newTable,
  [nftMessage.deleteTable]: deleteTable,
  [nftMessage.destroyTable]: destroyTable,
  [nftMessage.newChain]: newChain,
  [nftMessage.deleteChain]: deleteChain,
  [nftMessage.newRule]: newRule,
  [nftMessage.deleteRule]: deleteRule,
  [nftMessage.newSet]: newSet,
  [nftMessage.deleteSet]: deleteSet,
  [nftMessage.newElements]: newElements,
  [nftMessage.deleteElements]: deleteElements,
  [nftMessage.newFlowtable]: newFlowtable,
  [nftMessage.deleteFlowtable]: deleteFlowtable,
};

/** Who sends a batch, and what the kernel makes of it. */
export type Circumstances = Pick<Change, 'portId' | 'features' | 'judge' | 'hasDevice'>;

/** What became of a batch. */
export interface BatchResult {
  /** The ruleset from here on; undefined if the batch was refused or changed nothing. */
  readonly ruleset?: Ruleset;
  readonly answers: readonly Answer[];
}

/** One message of a batch, done or refused. */
interface Outcome {
  readonly message: Message;
  readonly effect: Effect;
  readonly refusal?: Refusal;
}

/**
 * Does what a batch says, to a copy. Each message that fails is complained of, and the rest is still looked at; one
 * complaint is enough for nothing to count. nfnetlink_rcv_batch
 */
export function runBatch(batch: readonly Message[], ruleset: Ruleset, circumstances: Circumstances): BatchResult {
  const [begin, ...rest] = batch;
  if (begin === undefined) return { answers: [] };
  const expected = netfilterAttributes(begin).get(batchAttribute.generation)?.u32() ?? 0;
  if (expected !== 0 && expected !== ruleset.generation) {
    return { answers: [answerTo(begin, new Refusal('ERESTART'))] };
  }
  const copy = ruleset.copy();
  const outcomes = rest.map((message) => attempt(message, copy, circumstances));
  const answers = answersTo(outcomes);
  if (!outcomes.some(({ effect }) => effect) || outcomes.some(({ refusal }) => refusal !== undefined)) {
    return { answers };
  }
  copy.settle();
  return { ruleset: copy, answers };
}

/** Complaints and what was asked for; the end of a batch that failed is not reached, so it is not acknowledged. */
function answersTo(outcomes: readonly Outcome[]): Answer[] {
  const failed = outcomes.some(({ refusal }) => refusal !== undefined);
  return outcomes
    .filter(({ message, refusal }) => refusal !== undefined || (message.flags & flag.ack) !== 0)
    .filter(({ message }) => !failed || message.type !== batchMessageType.end)
    .map(({ message, refusal }) => answerTo(message, refusal));
}

function attempt(message: Message, ruleset: Ruleset, circumstances: Circumstances): Outcome {
  try {
    return { message, effect: apply(message, ruleset, circumstances) };
  } catch (error) {
    if (error instanceof Refusal) return { message, effect: false, refusal: error };
    throw error;
  }
}

function apply(message: Message, ruleset: Ruleset, circumstances: Circumstances): Effect {
  if (message.type === batchMessageType.end) return false;
  const handler = message.type >> 8 === subsystem.nftables ? handlers[message.type & 0xff] : undefined;
  if (handler === undefined) throw new Refusal('EINVAL');
  return handler({
    messageStart: message.payload.start - 16,
    attributes: netfilterAttributes(message),
    flags: message.flags,
    ruleset,
    ...circumstances,
  });
}
