import { ctStatusDnat, jump, matchL4Protocols, nfproto } from '../../nftables/index.ts';
import type { ChainDefinition, Rule, Statement } from '../../nftables/index.ts';
import { protocols } from './keys.ts';

/** A chain together with all its rules, in order. */
export interface RenderedChain {
  readonly chain: ChainDefinition;
  readonly rules: readonly Rule[];
}

/** A chain whose rules have no comments, from their statements. */
export function renderPlain(chain: ChainDefinition, rules: readonly (readonly Statement[])[]): RenderedChain {
  return { chain, rules: rules.map((statements) => ({ chain: chain.name, statements })) };
}

/** A chain from its rules' statements, each with a comment in front ('' for none). */
export function render(chain: ChainDefinition, rules: readonly (readonly [string, ...Statement[]])[]): RenderedChain {
  return {
    chain,
    rules: rules.map(([comment, ...statements]) => ({
      chain: chain.name,
      statements,
      ...(comment === '' ? {} : { comment }),
    })),
  };
}

/**
 * Where the kernel calls us. Priorities: dstnat -100, srcnat 100 (include/uapi/linux/netfilter_ipv4.h).
 *
 * - Clients are remembered before anybody translates their source, a CNI for instance: nat chains of one hook are asked
 *   by priority, and the first that translates ends it.
 * - Addresses that no Service has are refused after everybody has had the chance to translate them: another proxy's
 *   Services have addresses in our ranges.
 */
const hooks = [
  { name: 'prerouting', hook: 'prerouting', priority: -100, to: 'services' },
  { name: 'output', hook: 'output', priority: -100, to: 'services' },
  { name: 'prerouting_rest', hook: 'prerouting', priority: 300, to: 'unclaimed' },
  { name: 'output_rest', hook: 'output', priority: 300, to: 'unclaimed' },
  { name: 'input', hook: 'input', priority: -150, to: 'learn' },
  { name: 'postrouting_first', hook: 'postrouting', priority: -150, to: 'learn' },
  { name: 'postrouting', hook: 'postrouting', priority: 100, to: 'sources' },
] as const;

/**
 * The base chains, each of which does nothing but lead to one chain of a generation. They are named as in the kernel.
 *
 * @param o.comment of each rule
 * @param o.kernelName of the chain that is called `services`, `learn`, …
 */
export function baseChains(o: { comment: string; kernelName: (chain: string) => string }): RenderedChain[] {
  const translated = [ctStatusDnat(), matchL4Protocols(protocols)];
  return hooks.map(({ name, hook, priority, to }) => {
    const statements = to === 'learn' || to === 'sources' ? translated : [];
    return render({ name, base: { type: 'nat', hook, priority } }, [
      [o.comment, ...statements, jump(o.kernelName(to))],
    ]);
  });
}

/** A chain that goes on for each family by itself: `<name>4` and `<name>6`. */
export function byFamily(name: string, comment: string): RenderedChain {
  return render({ name, comment }, [
    ['', nfproto(4), jump(`${name}4`)],
    ['', nfproto(6), jump(`${name}6`)],
  ]);
}
