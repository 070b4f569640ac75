import type { Endpoint, Frontend, ServicePort, TrafficPolicy } from '../../services/index.ts';
import type { DesiredPort } from '../data-plane.ts';
import { inTable, names, portChain } from './chains.ts';
import type { ChainKey, Rules } from './chains.ts';
import { choiceChains } from './choice.ts';
import { addressKey, portKey } from './keys.ts';
import type { TreeName } from './keys.ts';
import { placeOf } from './places.ts';
import { from, originally, rangesOf, replaceSource, rule, to, withLength } from './words.ts';

/** A rule in a tree; others may need the same one. */
export interface Entry {
  readonly tree: TreeName;
  readonly key: string;
  readonly rule: string;
}

/** A Service port as rules. */
export interface PortRules {
  /** Chains that belong to this Service port alone. */
  readonly chains: ReadonlyMap<ChainKey, Rules>;
  readonly entries: readonly Entry[];
}

type LoadBalancerIP = Extract<Frontend, { kind: 'LoadBalancerIP' }>;

/** Where connections to a frontend go. Table nat translates and nothing else; table filter has the rest. */
interface Way {
  /** The chain that translates; left out: none of them. */
  readonly goes?: string;
  /** What becomes of those that it does not translate; left out: it translates all. */
  readonly rest?: 'refuse' | 'drop';
}

/**
 * The rules that make the kernel forward a Service port: what table nat leaves untranslated is refused or dropped in table
 * filter, by the address that it still has. Pure.
 *
 * @param near matches of sources that external policy Local serves by all endpoints
 */
export function rulesOf(desired: DesiredPort, near: Rules): PortRules {
  const rendering = new Rendering(desired, near);
  for (const frontend of desired.port.frontends) rendering.add(frontend);
  rendering.addHairpins();
  return { chains: rendering.chains, entries: rendering.entries };
}

class Rendering implements PortRules {
  readonly chains = new Map<ChainKey, Rules>();
  readonly entries: Entry[] = [];
  readonly #desired: DesiredPort;
  readonly #port: ServicePort;
  readonly #near: Rules;

  constructor(desired: DesiredPort, near: Rules) {
    this.#desired = desired;
    this.#port = desired.port;
    this.#near = near;
  }

  add(frontend: Frontend): void {
    if (frontend.kind === 'ClusterIP') this.#addClusterIP(frontend);
    else this.#addExternal(frontend);
  }

  /** Endpoints of this host that reach themselves: with their own source, their answers would not come back here. */
  addHairpins(): void {
    const { clusterEndpoints, localEndpoints } = this.#port;
    const here = [...clusterEndpoints, ...localEndpoints].filter((each) => each.local || each.maybeLocal);
    for (const address of new Set(here.map((endpoint) => endpoint.address))) {
      const host = withLength(address);
      this.#enter('nat hairpin', addressKey(address), rule(from(host), to(host), replaceSource));
    }
  }

  #addClusterIP(frontend: Extract<Frontend, { kind: 'ClusterIP' }>): void {
    const { localEndpoints, clusterEndpoints } = this.#port;
    const key = addressKey(frontend.address);
    const host = withLength(frontend.address);
    this.#enter('filter addresses', key, rule(to(host), `-g ${names.noSuchPort}`));
    this.#enter('nat masquerade', key, rule(originally(host), `-g ${names.masqueradeClusterIPs}`));
    const local = frontend.policy === 'Local';
    this.#lead(frontend, local ? this.#balance('L', localEndpoints) : this.#balance('C', clusterEndpoints));
  }

  #addExternal(frontend: Exclude<Frontend, { kind: 'ClusterIP' }>): void {
    const { protocol } = this.#port;
    const host = frontend.kind === 'NodePort' ? undefined : withLength(frontend.address);
    const tree = host === undefined ? 'nat masqueradeNodePorts' : 'nat masquerade';
    const source = frontend.policy === 'Local' ? `-g ${names.masqueradeHost}` : replaceSource;
    this.#enter(tree, this.#keyOf(frontend), rule(`-p ${protocol}`, originally(host, frontend.port), source));
    const way = this.#external(frontend.policy);
    const isGuarded = frontend.kind === 'LoadBalancerIP' && frontend.sourceRanges !== undefined;
    this.#lead(frontend, isGuarded ? this.#admitted(frontend, way) : way);
  }

  #external(policy: TrafficPolicy): Way {
    const { id, clusterEndpoints, localEndpoints, hasAnyEndpoints } = this.#port;
    const everywhere = this.#balance('C', clusterEndpoints);
    if (policy === 'Cluster' || !hasAnyEndpoints) return everywhere;
    const here = this.#balance('L', localEndpoints);
    if (everywhere.goes === undefined && here.goes === undefined) return everywhere;
    const name = portChain('X', id);
    const target = ({ goes }: Way): string => (goes === undefined ? '-j RETURN' : `-g ${goes}`);
    this.chains.set(inTable('nat', name), [...this.#near.map((near) => rule(near, target(everywhere))), target(here)]);
    return { ...(here.goes === undefined ? here : everywhere), goes: name };
  }

  #balance(kind: 'C' | 'L', endpoints: readonly Endpoint[]): Way {
    if (endpoints.every(({ weight }) => weight === 0)) {
      return { rest: this.#port.hasAnyEndpoints && endpoints.length === 0 ? 'drop' : 'refuse' };
    }
    for (const [key, rules] of choiceChains(this.#desired, kind, endpoints)) this.chains.set(key, rules);
    return { goes: portChain(kind, this.#port.id) };
  }

  /** loadBalancerSourceRanges: everybody else is dropped, before it is asked what there is to reach. */
  #admitted({ address, sourceRanges = [] }: LoadBalancerIP, way: Way): Way & { own?: string } {
    const sources = rangesOf(this.#port.family, sourceRanges).map(from);
    const name = portChain('F', this.#port.id, address);
    const lead = (target: string): string[] => sources.map((source) => rule(source, target));
    if (way.goes !== undefined) this.chains.set(inTable('nat', name), lead(`-g ${way.goes}`));
    if (way.rest !== undefined) this.chains.set(inTable('filter', name), [...lead(ends[way.rest]), ends.drop]);
    return {
      ...(way.goes === undefined ? {} : { goes: name }),
      rest: 'drop',
      ...(way.rest === undefined ? {} : { own: name }),
    };
  }

  /** From a frontend to where its connections go; `own`: a chain of table filter that knows. */
  #lead(frontend: Frontend, { goes, rest, own }: Way & { own?: string }): void {
    const place = placeOf(frontend, this.#port.protocol);
    const tree = frontend.kind === 'NodePort' ? 'nodePorts' : 'addresses';
    const key = this.#keyOf(frontend);
    if (goes !== undefined) this.#enter(`nat ${tree}`, key, rule(place, `-g ${goes}`));
    if (rest !== undefined)
      this.#enter(`filter ${tree}`, key, rule(place, own === undefined ? ends[rest] : `-g ${own}`));
  }

  #keyOf(frontend: Frontend): string {
    const port = portKey(this.#port.protocol, frontend.port);
    return frontend.kind === 'NodePort' ? port : `${addressKey(frontend.address)}${port}`;
  }

  #enter(tree: TreeName, key: string, text: string): void {
    this.entries.push({ tree, key, rule: text });
  }
}

const ends = { refuse: `-g ${names.reject}`, drop: '-j DROP' } as const;
