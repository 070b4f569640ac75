import {
  dataAttribute,
  decodeVerdict,
  dynamicSetAttribute,
  expressionAttribute,
  flowAttribute,
  immediateAttribute,
  lookupAttribute,
  registerNumber,
} from '../../expressions/index.ts';
import type { Payload } from '../../../netlink/index.ts';

/** Something else in the table that a rule names. */
export interface Reference {
  readonly chain?: string;
  readonly set?: string;
  readonly flowtable?: string;
  /** What the rule does with the set. `update` may give elements a time to live. */
  readonly use?: 'set' | 'data' | 'verdict' | 'update set' | 'update map';
}

const readers: Readonly<Record<string, (data: Payload) => Reference | undefined>> = {
  lookup: (data) => {
    // An anonymous set comes and goes with its rule: nothing to keep track of.
    if (data.get(lookupAttribute.setId) !== undefined) return undefined;
    const register = data.get(lookupAttribute.destinationRegister)?.u32();
    const use = register === undefined ? 'set' : register === registerNumber.verdict ? 'verdict' : 'data';
    return { set: data.get(lookupAttribute.setName)?.string() ?? '', use };
  },
  dynset: (data) => ({
    set: data.get(dynamicSetAttribute.setName)?.string() ?? '',
    use: data.get(dynamicSetAttribute.dataRegister) === undefined ? 'update set' : 'update map',
  }),
  flow_offload: (data) => ({ flowtable: data.get(flowAttribute.flowtable)?.string() ?? '' }),
  immediate: (data) => {
    const verdict = data.get(immediateAttribute.data)?.get(dataAttribute.verdict);
    const chain = verdict === undefined ? undefined : chainOfVerdict(decodeVerdict(verdict));
    return chain === undefined ? undefined : { chain };
  },
};

/** `c` of `goto c` or `jump c`; undefined for other verdicts. */
export function chainOfVerdict(verdict: string): string | undefined {
  return verdict.split(' ')[1];
}

/** What a rule's expressions name, in their order, and the expressions' names for people. */
export function referencesOf(expressions: Payload | undefined): { references: Reference[]; text: string } {
  const all = [...(expressions?.attributes() ?? [])].map(([, expression]) => {
    const name = expression.get(expressionAttribute.name)?.string() ?? '';
    const data = expression.get(expressionAttribute.data);
    return { name, reference: data === undefined ? undefined : readers[name]?.(data) };
  });
  return {
    references: all.flatMap(({ reference }) => reference ?? []),
    text: all.map(({ name, reference }) => `${name}${targetText(reference)}`).join(', '),
  };
}

function targetText(reference: Reference | undefined): string {
  if (reference?.chain !== undefined) return ` ${reference.chain}`;
  return reference?.set === undefined ? '' : ` @${reference.set}`;
}
