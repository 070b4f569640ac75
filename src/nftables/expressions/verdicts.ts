import { SyntaxFault } from '../address.ts';
import type { MessageWriter, Payload } from '../../netlink/index.ts';
import type { Names } from '../names.ts';
import { dataAttribute, verdictAttribute, verdictCode } from './constants.ts';

const codes = new Map<string, number>(Object.entries(verdictCode));
const names = new Map([...codes].map(([name, code]) => [code, name]));

/** Writes `drop`, `accept`, `return`, `continue`, `jump c` or `goto c` as NFTA_DATA_VERDICT. Throws SyntaxFault. */
export function encodeVerdict(writer: MessageWriter, text: string, names: Names): void {
  const space = text.indexOf(' ');
  const name = space === -1 ? text : text.slice(0, space);
  const code = codes.get(name);
  const takesChain = code === verdictCode.jump || code === verdictCode.goto;
  if (code === undefined || takesChain === (space === -1))
    throw new SyntaxFault(`not a verdict: ${JSON.stringify(text)}`);
  const verdict = writer.beginNested(dataAttribute.verdict);
  writer.number(verdictAttribute.code, code >>> 0);
  if (takesChain) writer.string(verdictAttribute.chain, names.chain(text.slice(space + 1)));
  writer.endAttribute(verdict);
}

/** The inverse of encodeVerdict, of the payload of NFTA_DATA_VERDICT. */
export function decodeVerdict(verdict: Payload): string {
  const code = verdict.get(verdictAttribute.code)?.i32() ?? 0;
  const name = names.get(code) ?? String(code);
  const chain = verdict.get(verdictAttribute.chain)?.string();
  return chain === undefined ? name : `${name} ${chain}`;
}
