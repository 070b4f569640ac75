import { withoutGenerations } from '../../../support/index.ts';
import type { Namespace } from '../../../support/index.ts';

/** Chains for a number of endpoints stay when nobody needs them; and what others add to our table harms nobody. */
const mayStay = /^chain ((node_port_)?(local_)?(random|hash)[46]_\d+|theirs)$|^set theirs$/;

/** What `nft` says of our table: each set, map and chain by its name, without the numbers of generations. */
export async function listing(namespace: Namespace): Promise<Map<string, string>> {
  const text = await namespace.run('nft', ['--stateless', 'list', 'ruleset', 'inet']);
  const [, ours = ''] = /^table inet nftproxy \{[^\n]*\n([\s\S]*?)^\}/m.exec(text) ?? [];
  const blocks = [...withoutGenerations(ours).matchAll(/^\t(set|map|chain) (\S+) \{\n([\s\S]*?)^\t\}/gm)];
  const named = blocks.map(([, kind = '', name = '', body = '']) => [`${kind} ${name}`, bodyText(body)] as const);
  const kept = named.filter(([name]) => !mayStay.test(name));
  if (new Set(kept.map(([name]) => name)).size < kept.length) throw new Error(`something is there twice:\n${text}`);
  return new Map(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Of a chain of round robin: a rule that draws for Services with a certain number of slots. */
const draw = /numgen random mod 1 offset (\d+) @(\w+_)?round_robin_counts.* numgen inc mod \1 map /;

/** Rules of round robin for numbers of slots that a Service port has had stay: those that `fresh` does not have. */
export function withoutRulesThatStay(
  listed: ReadonlyMap<string, string>,
  fresh: ReadonlyMap<string, string>,
): Map<string, string> {
  const needed = (name: string): ((line: string) => boolean) => {
    const lines = new Set(
      fresh
        .get(name)
        ?.split('\n')
        .map((line) => line.trim()),
    );
    return (line) => lines.has(line.trim()) || !draw.test(line);
  };
  const body = (name: string, text: string): string =>
    /^chain \w*round_robin/.test(name) ? text.split('\n').filter(needed(name)).join('\n').trim() : text;
  return new Map([...listed].map(([name, text]) => [name, body(name, text)]));
}

/** Elements come in the kernel's order. */
function bodyText(body: string): string {
  const [head = '', elements] = body.split(/\t+elements = \{/);
  const list = elements?.replace(/\}\s*$/, '').split(',');
  return [head.trim(), ...(list ?? []).map((element) => element.trim()).sort()].join('\n');
}
