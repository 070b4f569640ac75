import { ctStatusDnat, jump, matchL4Protocols, nfproto } from '../../nftables/index.ts';
import type { ChainDefinition, ChainInfo, Rule, Statement } from '../../nftables/index.ts';
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
 * Where new connections come to us: before kube-proxy's nat chains, which are at dstnat (-100), also when its rules are
 * older than ours (docs/decisions/0036-before-kube-proxy.md). Of nat chains with one priority the kernel asks the one
 * that was made last first: who that is nobody decides.
 */
export const servicesPriority = -101;

/**
 * Where the kernel calls us. Priorities: dstnat -100, srcnat 100 (include/uapi/linux/netfilter_ipv4.h).
 *
 * - Nat chains of one hook are asked by priority, and the first that translates ends it; what kube-proxy is not asked
 *   about gets no mark of it either, so that we may replace sources at the same place as it does.
 * - Clients are remembered before anybody translates their source, a CNI for instance.
 * - Addresses that no Service has are refused after everybody has had the chance to translate them: another proxy's
 *   Services have addresses in our ranges.
 *
 * A chain whose place changes gets another name, and its former place goes to `formerPlaces`.
 */
const hooks = [
  { name: 'prerouting_first', hook: 'prerouting', priority: servicesPriority, to: 'services' },
  { name: 'output_first', hook: 'output', priority: servicesPriority, to: 'services' },
  { name: 'prerouting_rest', hook: 'prerouting', priority: 300, to: 'unclaimed' },
  { name: 'output_rest', hook: 'output', priority: 300, to: 'unclaimed' },
  { name: 'input', hook: 'input', priority: -150, to: 'learn' },
  { name: 'postrouting_first', hook: 'postrouting', priority: -150, to: 'learn' },
  { name: 'postrouting', hook: 'postrouting', priority: 100, to: 'sources' },
] as const;

/** Behind everybody's filters: network policies have had their say about the packet that leads to the fast path. */
const forward = { name: 'forward', hook: 'forward', priority: 300, to: 'fast_path' } as const;

/** Base chains of earlier versions, which those of `hooks` take the place of. */
const formerPlaces = (['prerouting', 'output'] as const).map((hook): ChainDefinition => ({
  name: hook,
  base: { type: 'nat', hook, priority: -100 },
}));

/** Whether a base chain in the kernel is called where `wanted` is to be, and lets through what it leaves undecided. */
export function isCalledAlike({ name, base }: ChainDefinition, present: ChainInfo): boolean {
  const { type, hook, priority } = present.base ?? {};
  const there = base?.type === type && base?.hook === hook && base?.priority === priority;
  return present.name === name && there && present.drops !== true;
}

/**
 * Whether an earlier version was called by this chain. It goes on until no packet is on its way that has passed the chain
 * in its stead before that led anywhere.
 */
export function isFormer(present: ChainInfo): boolean {
  return formerPlaces.some((place) => isCalledAlike(place, present));
}

/**
 * The base chains, each of which does nothing but lead to one chain of a generation. They are named as in the kernel.
 *
 * @param o.comment of each rule
 * @param o.kernelName of the chain that is called `services`, `learn`, …
 * @param o.fastPath what a packet must be to be asked about in the hook forward; left out: none is
 */
export function baseChains(o: {
  comment: string;
  kernelName: (chain: string) => string;
  fastPath?: readonly Statement[];
}): RenderedChain[] {
  const conditions: Partial<Record<string, Statement[]>> = {
    learn: [ctStatusDnat()],
    sources: [ctStatusDnat(), matchL4Protocols(protocols)],
  };
  const nat = hooks.map(({ name, hook, priority, to }) => {
    return render({ name, base: { type: 'nat', hook, priority } }, [
      [o.comment, ...(conditions[to] ?? []), jump(o.kernelName(to))],
    ]);
  });
  if (!o.fastPath) return nat;
  const { name, hook, priority, to } = forward;
  const chain = { name, base: { type: 'filter', hook, priority } } as const;
  return [...nat, render(chain, [[o.comment, ...o.fastPath, jump(o.kernelName(to))]])];
}

/** A chain that goes on for each family by itself: `<name>4` and `<name>6`. */
export function byFamily(name: string, comment: string): RenderedChain {
  return render({ name, comment }, [
    ['', nfproto(4), jump(`${name}4`)],
    ['', nfproto(6), jump(`${name}6`)],
  ]);
}
