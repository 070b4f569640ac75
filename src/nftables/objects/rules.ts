import { createHash } from 'node:crypto';
import { ruleAttribute } from '../constants.ts';
import {
  dataAttribute,
  expressionAttribute,
  ExpressionEncoder,
  immediateAttribute,
  verdictAttribute,
} from '../expressions/index.ts';
import type { AnonymousSetMaker, Statement } from '../expressions/index.ts';
import { MessageWriter } from '../../netlink/index.ts';
import { sameNames } from '../names.ts';
import type { Names } from '../names.ts';
import type { Payload } from '../../netlink/index.ts';
import { binaryTriple, bytesOf, commentOf, commentTriple, userDataType } from './user-data.ts';

/** A rule to append to a chain. */
export interface Rule {
  readonly chain: string;
  readonly statements: readonly Statement[];
  readonly comment?: string;
}

/** A rule as the kernel has it. */
export interface RuleInfo {
  readonly chain: string;
  readonly handle: number;
  readonly comment?: string;
  /** What `fingerprint` gave for the rule when it was written; undefined for rules that others wrote. */
  readonly fingerprint?: string;
  /** Chains that it jumps or goes to by itself; where a verdict map sends packets is in the map's elements. */
  readonly leadsTo: readonly string[];
}

/** In nft's syntax, as `nft list` prints it. */
export function ruleText(rule: Rule): string {
  const text = rule.statements.map((statement) => statement.text).join(' ');
  return rule.comment === undefined ? text : `${text} comment "${rule.comment}"`;
}

/**
 * 16 hexadecimal digits that tell two rules with different effect apart. It is stored with the rule in the kernel, so
 * that a restarted program sees whether a rule is already right without decoding it. Over the encoded expressions and
 * the contents of anonymous sets, with the program's own names of sets and chains; chain and comment are not part of it.
 */
export function fingerprint(rule: Rule): string {
  let known = fingerprints.get(rule.statements);
  if (known === undefined) {
    known = fingerprintOf(rule);
    fingerprints.set(rule.statements, known);
  }
  return known;
}

/** Asked for when a rule is compared and again when it is written; and many rules have the same statements. */
const fingerprints = new WeakMap<readonly Statement[], string>();

/** Used for one rule after the other. */
const writer = new MessageWriter(1024);

function fingerprintOf(rule: Rule): string {
  writer.truncate(0);
  const anonymousSet: AnonymousSetMaker = (protocols) => ({ name: `{ ${protocols.join(', ')} }`, id: 0 });
  encodeExpressions(writer, rule, new ExpressionEncoder(writer, anonymousSet, sameNames));
  return createHash('sha256').update(writer.bytes).digest('hex').slice(0, 16);
}

/** Writes the attributes of NEWRULE. */
export function encodeRule(
  writer: MessageWriter,
  table: string,
  rule: Rule,
  { anonymousSet, names }: { anonymousSet: AnonymousSetMaker; names: Names },
): void {
  writer.string(ruleAttribute.table, table);
  writer.string(ruleAttribute.chain, names.chain(rule.chain));
  encodeExpressions(writer, rule, new ExpressionEncoder(writer, anonymousSet, names));
  const userData = writer.beginAttribute(ruleAttribute.userData);
  if (rule.comment !== undefined) commentTriple(writer, userDataType.comment, rule.comment);
  binaryTriple(writer, userDataType.ruleFingerprint, Buffer.from(fingerprint(rule), 'hex'));
  writer.endAttribute(userData);
}

function encodeExpressions(writer: MessageWriter, rule: Rule, encoder: ExpressionEncoder): void {
  const expressions = writer.beginNested(ruleAttribute.expressions);
  for (const statement of rule.statements) statement.encode(encoder);
  writer.endAttribute(expressions);
}

/** The attributes of a NEWRULE message. */
export function decodeRule(attributes: Payload): RuleInfo {
  const userData = attributes.get(ruleAttribute.userData);
  const text = commentOf(userData);
  const hash = bytesOf(userData, userDataType.ruleFingerprint);
  return {
    chain: attributes.get(ruleAttribute.chain)?.string() ?? '',
    handle: attributes.get(ruleAttribute.handle)?.u64() ?? 0,
    leadsTo: targetsIn(attributes.get(ruleAttribute.expressions)),
    ...(text === undefined ? {} : { comment: text }),
    ...(hash === undefined ? {} : { fingerprint: Buffer.from(hash).toString('hex') }),
  };
}

/** The chains in the verdicts that a rule's `immediate` expressions have. */
function targetsIn(expressions: Payload | undefined): string[] {
  return [...(expressions?.attributes() ?? [])].flatMap(([, expression]) => {
    if (expression.get(expressionAttribute.name)?.string() !== 'immediate') return [];
    return targetOf(expression.get(expressionAttribute.data)) ?? [];
  });
}

function targetOf(immediate: Payload | undefined): string | undefined {
  const verdict = immediate?.get(immediateAttribute.data)?.get(dataAttribute.verdict);
  return verdict?.get(verdictAttribute.chain)?.string();
}
