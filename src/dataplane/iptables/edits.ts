import { partsOf, tables } from './chains.ts';
import type { ChainChanges, ChainKey, Chains, Rules } from './chains.ts';
import type { Hook } from './constant.ts';

/** What a write is to do. */
export interface Edits {
  /** For `iptables-restore --noflush`; empty if there is nothing to write. */
  readonly input: string;
  /** How many rules and chains it names. */
  readonly lines: number;
}

/** Lines of one table, in the order in which iptables-restore must have them. */
interface TableLines {
  /** New chains: rules may lead to each of them. */
  readonly heads: string[];
  readonly rules: string[];
  /** Emptied first: a chain that goes may lead to another one that goes. */
  readonly emptied: string[];
  readonly gone: string[];
}

/**
 * The edits that make chains of `before` into what `changes` says, rule by rule: rules that stay keep their counters.
 *
 * @param o.hooks to put in front of what their chains have, or to take out
 */
export function editsOf(
  before: Chains,
  changes: ChainChanges,
  hooks: { readonly insert?: readonly Hook[]; readonly remove?: readonly Hook[] } = {},
): Edits {
  const byTable = new Map(
    tables.map((table): [string, TableLines] => [table, { heads: [], rules: [], emptied: [], gone: [] }]),
  );
  const linesOf = (key: ChainKey): [TableLines | undefined, string] => {
    const [table, name] = partsOf(key);
    return [byTable.get(table), name];
  };
  for (const [key, rules] of changes) {
    const [lines, name] = linesOf(key);
    if (lines) editChain(lines, name, { before: before.get(key), after: rules });
  }
  for (const { chain, rule } of hooks.remove ?? []) {
    const [lines, name] = linesOf(chain);
    lines?.rules.push(`-D ${name} ${rule}`);
  }
  for (const { chain, rule } of hooks.insert ?? []) {
    const [lines, name] = linesOf(chain);
    lines?.rules.push(`-I ${name} 1 ${rule}`);
  }
  const written = [...byTable].map(([table, lines]) => ({ table, lines: Object.values(lines).flat() as string[] }));
  const used = written.filter(({ lines }) => lines.length > 0);
  return {
    input: used.map(({ table, lines }) => [`*${table}`, ...lines, 'COMMIT', ''].join('\n')).join(''),
    lines: used.reduce((sum, { lines }) => sum + lines.length, 0),
  };
}

function editChain(
  lines: TableLines,
  name: string,
  { before, after }: { before: Rules | undefined; after: Rules | undefined },
): void {
  if (after === undefined) {
    if (before === undefined) return;
    lines.emptied.push(`-F ${name}`);
    lines.gone.push(`-X ${name}`);
  } else if (before === undefined) {
    lines.heads.push(`:${name} - [0:0]`);
    lines.rules.push(...after.map((rule) => `-A ${name} ${rule}`));
  } else lines.rules.push(...ruleEdits(name, before, after));
}

function ruleEdits(name: string, before: Rules, after: Rules): string[] {
  const staying = stayingRules(before, after);
  const kept = new Set(staying.keys());
  const places = new Set(staying.values());
  const deletes = before.flatMap((_rule, index) => (kept.has(index) ? [] : [`-D ${name} ${index + 1}`])).toReversed();
  const inserts = after.flatMap((rule, index) => (places.has(index) ? [] : [`-I ${name} ${index + 1} ${rule}`]));
  return [...deletes, ...inserts];
}

/** Which rules of `before` stay, and at which place of `after`: in the same order in both. */
function stayingRules(before: Rules, after: Rules): Map<number, number> {
  const places = new Map(after.map((rule, index) => [rule, index]));
  const staying = new Map<number, number>();
  let last = -1;
  for (const [index, rule] of before.entries()) {
    const place = places.get(rule);
    if (place === undefined || place <= last) continue;
    staying.set(index, place);
    last = place;
  }
  return staying;
}
