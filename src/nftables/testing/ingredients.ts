import { messages, netfilterAttributes, Payload } from '../../netlink/index.ts';
import {
  chainAttribute,
  elementAttribute,
  elementFlag,
  elementListAttribute,
  hookAttribute,
  hookNumber,
  ruleAttribute,
  setAttribute,
  setFlag,
  tableAttribute,
} from '../constants.ts';
import { expressionAttribute } from '../expressions/index.ts';
import { nftMessageType } from '../requests.ts';
import type { Transaction } from '../transaction.ts';

/**
 * What tells one use of an expression from another for the kernel, by the numbers of its attributes: keys, types, flags,
 * operators. Left out are registers, lengths, values and names. Source: linux/netfilter/nf_tables.h.
 */
const choices: Readonly<Record<string, readonly number[]>> = {
  bitwise: [6], // OP
  cmp: [2], // OP
  ct: [2, 3], // KEY, DIRECTION
  dynset: [3], // OP
  fib: [2, 3], // RESULT, FLAGS
  hash: [7], // TYPE
  immediate: [],
  lookup: [5], // FLAGS
  masq: [1], // FLAGS
  meta: [2], // KEY
  nat: [1, 2], // TYPE, FAMILY
  numgen: [3], // TYPE
  payload: [3], // BASE
  reject: [1, 2], // TYPE, ICMP_CODE
};

/** Attributes that an expression of this name may have or not, and that the kernel has learned at some time. */
const extras: Readonly<Record<string, readonly number[]>> = {
  dynset: [5, 6], // SREG_DATA, TIMEOUT
  lookup: [3], // DREG
};

/** What a kernel must have to take a transaction: expressions and how they are used, flags of sets and elements, hooks. */
export function ingredientsOf(transaction: Transaction): Set<string> {
  const bytes = transaction.batch.finish(undefined);
  const found = new Set<string>();
  for (const message of messages(Payload.of(bytes))) {
    const read = readers.get(message.type);
    if (read) for (const each of read(netfilterAttributes(message))) found.add(each);
  }
  return found;
}

type Reader = (attributes: Payload) => Iterable<string>;

const readers = new Map<number, Reader>([
  [nftMessageType('newTable'), (table) => [`table with flags ${table.get(tableAttribute.flags)?.u32() ?? 0}`]],
  [nftMessageType('newChain'), hookOf],
  [nftMessageType('newRule'), expressionsOf],
  [nftMessageType('newSet'), setOf],
  [nftMessageType('newElements'), elementsOf],
]);

function* hookOf(chain: Payload): Generator<string> {
  const number = chain.get(chainAttribute.hook)?.get(hookAttribute.number)?.u32();
  if (number === undefined) return;
  const hook = Object.entries(hookNumber).find(([, each]) => each === number)?.[0] ?? String(number);
  yield `chain of type ${chain.get(chainAttribute.type)?.string() ?? 'filter'} at ${hook}`;
}

function* expressionsOf(rule: Payload): Generator<string> {
  for (const [, expression] of rule.get(ruleAttribute.expressions)?.attributes() ?? []) {
    const name = expression.get(expressionAttribute.name)?.string() ?? '';
    const data = expression.get(expressionAttribute.data);
    const chosen = (choices[name] ?? []).map((attribute) => `${attribute}=${numberOf(data?.get(attribute))}`);
    const present = (extras[name] ?? []).filter((attribute) => data?.get(attribute) !== undefined);
    yield [`expression ${name}`, ...chosen, ...present.map((attribute) => `with ${attribute}`)].join(' ');
  }
}

function numberOf(value: Payload | undefined): number | undefined {
  return value && (value.length === 1 ? value.u8() : value.u32());
}

function* setOf(set: Payload): Generator<string> {
  const flags = set.get(setAttribute.flags)?.u32() ?? 0;
  const names = Object.entries(setFlag).filter(([, bit]) => (flags & bit) !== 0);
  const counts = set.get(setAttribute.expression) === undefined ? [] : ['counting'];
  yield `set: ${[...names.map(([name]) => name), ...counts].join(' ')}`;
}

function* elementsOf(list: Payload): Generator<string> {
  for (const [, element] of list.get(elementListAttribute.elements)?.attributes() ?? []) {
    const flags = element.get(elementAttribute.flags)?.u32() ?? 0;
    if ((flags & elementFlag.catchAll) !== 0) yield 'element for all other keys';
    if (element.get(elementAttribute.keyEnd) !== undefined) yield 'element with a range in a concatenation';
    if (element.get(elementAttribute.timeout) !== undefined) yield 'element with a timeout';
    if (element.get(elementAttribute.expression) !== undefined) yield 'element with an expression';
  }
}
