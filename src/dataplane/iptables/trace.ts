import type { Explanation, Packet, Step } from '../data-plane.ts';
import { inTable, names, portChainStart } from './chains.ts';
import type { Chains, TableName } from './chains.ts';
import { isAbout, readRule } from './read-rule.ts';
import type { ReadRule } from './read-rule.ts';

/** Follows our chains with the first packet of a connection, as the kernel would. Pure. */
export function trace(chains: Chains, packet: Packet): Explanation {
  return new Walk(chains, packet).run();
}

/** What ends a packet's way; undefined: nothing did. */
type End = 'translate' | 'masquerade' | 'reject' | 'drop' | undefined;

const ends: Readonly<Record<string, End>> = {
  DNAT: 'translate',
  MASQUERADE: 'masquerade',
  REJECT: 'reject',
  DROP: 'drop',
};

class Walk {
  readonly #chains: Chains;
  readonly #packet: Packet;
  readonly #steps: Step[] = [];
  readonly #endpoints: string[] = [];
  /** How the endpoint is chosen. */
  #choice = '';
  #frontend: Explanation['frontend'];

  constructor(chains: Chains, packet: Packet) {
    this.#chains = chains;
    this.#packet = packet;
  }

  run(): Explanation {
    this.#follow('nat', names.services);
    if (this.#endpoints.length > 0) return this.#forward();
    const end = this.#follow('filter', names.refuse);
    const action = end === 'reject' || end === 'drop' ? end : 'pass';
    if (action === 'pass') this.#say('frontend', 'not an address of a Service: the packet goes on untouched');
    return { action, steps: this.#steps, ...this.#what(), endpoints: [], masquerade: false };
  }

  #forward(): Explanation {
    const endpoints = [...new Set(this.#endpoints)];
    this.#say('choice', `${this.#choice || 'a random choice'} over ${endpoints.length} endpoints`);
    const chain = this.#frontend === 'nodePort' ? names.masqueradeNodePorts : names.masquerade;
    const masquerade = this.#follow('nat', chain) === 'masquerade';
    this.#say('source', masquerade ? 'the source address is replaced (masquerade)' : 'the source address is kept');
    return { action: 'forward', steps: this.#steps, ...this.#what(), endpoints: this.#endpoints, masquerade };
  }

  #what(): Pick<Explanation, 'frontend'> {
    return this.#frontend === undefined ? {} : { frontend: this.#frontend };
  }

  #follow(table: TableName, chain: string): End {
    for (const text of this.#chains.get(inTable(table, chain)) ?? []) {
      const rule = readRule(text);
      if (!isAbout(rule, this.#packet, this.#detector(chain))) continue;
      this.#tell(chain, rule);
      if (rule.target === 'RETURN') return undefined;
      // With whom a client is nobody knows here; it is one of those that may be chosen.
      if (rule.options.has('--rcheck')) continue;
      const end = this.#do(table, rule);
      if (rule.isUncertain) continue;
      if (end !== undefined || rule.goes) return end;
    }
    return undefined;
  }

  #do(table: TableName, { target, options }: ReadRule): End {
    const end = ends[target];
    if (end === undefined) return this.#follow(table, target);
    if (end === 'translate') this.#endpoints.push(options.get('--to-destination')?.value ?? '');
    return end;
  }

  /** Chains in which a source or an interface says who is a pod: the caller may know better. */
  #detector(chain: string): Record<string, () => boolean> {
    const { fromPod } = this.#packet;
    const asks = chain === names.masqueradeClusterIPs || chain.startsWith(kinds.nearOrNot);
    return asks && fromPod !== undefined ? { '-s': () => fromPod } : {};
  }

  #tell(chain: string, { options, target }: ReadRule): void {
    const ports = options.get('--dport')?.value ?? ':';
    if (!ports.includes(':')) this.#found(chain);
    if (options.has('--rcheck')) this.#choice = affinityText;
    if (options.has('--every')) this.#choice ||= 'round robin';
    const said = this.#saying(chain, { options, target });
    if (said !== undefined) this.#say('policy', said);
  }

  #saying(chain: string, { options, target }: Pick<ReadRule, 'options' | 'target'>): string | undefined {
    if (chain.startsWith(kinds.nearOrNot)) return nearText(options, target);
    if (chain.startsWith(kinds.admits) && options.has('-s')) {
      return `loadBalancerSourceRanges admit ${this.#packet.source}`;
    }
    return texts[`${chain} ${target}`] ?? texts[target];
  }

  #found(chain: string): void {
    const isNodePort = chain.startsWith(names.nodePorts);
    if (!isNodePort && !chain.startsWith(names.addresses)) return;
    const { destination, port, protocol } = this.#packet;
    const what = isNodePort ? 'is a NodePort of this node' : 'is an address and port of a Service';
    if (this.#frontend === undefined) this.#say('frontend', `${destination} port ${port} of ${protocol} ${what}`);
    this.#frontend = isNodePort ? 'nodePort' : 'service';
  }

  #say(about: Step['about'], text: string): void {
    this.#steps.push({ about, text });
  }
}

const affinityText = 'session affinity (with whom a client is: /proc/net/xt_recent), else a random choice';

/** By target, or chain and target. */
const texts: Readonly<Record<string, string>> = {
  [`${names.noSuchPort} ${names.reject}`]: 'a ClusterIP, but its Service has no such port',
  DROP: 'dropped',
  REJECT: 'rejected',
};

const kinds = { nearOrNot: portChainStart('X'), admits: portChainStart('F') } as const;

function nearText(options: ReadRule['options'], target: string): string {
  const who = options.has('--src-type') ? 'this host' : options.has('-s') || options.has('-i') ? 'a pod' : 'outside';
  const whom = target === 'RETURN' ? 'nobody' : who === 'outside' ? 'those on this node' : 'all endpoints';
  return `externalTrafficPolicy is Local and the source is ${who}: ${whom}`;
}
