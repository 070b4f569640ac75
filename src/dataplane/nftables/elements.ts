import { createHash } from 'node:crypto';
import type { Element } from '../../nftables/index.ts';
import type { Endpoint, Frontend, ServicePort } from '../../services/index.ts';
import { slotsOf } from '../balancing/index.ts';
import type { SlotTable } from '../balancing/index.ts';
import type { LoadWeights } from '../data-plane.ts';
import { endpointText, frontendKey, hairpinKey, liveKey, slotKey, sourceRangeKey } from './keys.ts';
import { intervalElements } from './intervals.ts';
import { affineSets } from './sets.ts';
import { selectionChainName, withAffinity } from './endpoint-selection-chains.ts';
import type { SelectionChain, SlotMap } from './endpoint-selection-chains.ts';

/** A Service port as the table holds it. */
export interface PortElements {
  /** Elements that belong to this Service port alone. */
  readonly own: readonly Element[];
  /** Elements that other Service ports may need as well (`cluster_ips`, `hairpin`). */
  readonly shared: readonly Element[];
  /** Endpoint-selection chains that the verdicts name. */
  readonly chains: readonly SelectionChain[];
}

/** Collects the elements of one Service port. */
class Rendering {
  readonly own: Element[] = [];
  readonly shared: Element[] = [];
  readonly chains = new Map<string, SelectionChain>();
  readonly #port: ServicePort;
  readonly #tables = new Map<readonly Endpoint[], SlotTable>();
  readonly #weights: LoadWeights | undefined;

  constructor(port: ServicePort, weights: LoadWeights | undefined) {
    this.#port = port;
    this.#weights = weights;
  }

  add(set: string, key: string, data?: string): void {
    const name = `${set}${this.#port.family}`;
    this.own.push(data === undefined ? { set: name, key } : { set: name, key, data });
  }

  share(set: string, key: string): void {
    this.shared.push({ set: `${set}${this.#port.family}`, key });
  }

  /** The verdict that balances over `endpoints`; writes their slots under the key `frontend` into `map`. */
  balance(map: SlotMap, frontend: string, endpoints: readonly Endpoint[]): string {
    const table = this.#slotsOf(endpoints);
    if (table.length === 0) return this.#port.hasAnyEndpoints && endpoints.length === 0 ? 'drop' : 'goto reject';
    table.forEach((endpoint, slot) => {
      this.add(map, slotKey(frontend, slot), endpointText(endpoint));
    });
    const plain = this.#selectionChain(map, table.length);
    this.chains.set(plain.name, plain);
    if (this.#port.affinitySeconds === undefined) return `goto ${plain.name}`;
    const sticky = withAffinity(plain);
    this.chains.set(sticky.name, sticky);
    return `goto ${sticky.name}`;
  }

  #slotsOf(endpoints: readonly Endpoint[]): SlotTable {
    let table = this.#tables.get(endpoints);
    if (!table) {
      table = slotsOf(this.#port, endpoints, this.#weights);
      this.#tables.set(endpoints, table);
    }
    return table;
  }

  #selectionChain(endpoints: SlotMap, slots: number): SelectionChain {
    const { algorithm, family, id } = this.#port;
    if (algorithm === 'round-robin' && slots > 1) {
      const name = selectionChainName(endpoints, 'round_robin', family, digest(id));
      return { name, family, endpoints, method: 'round_robin', slots, comment: id.slice(0, 120) };
    }
    const hashed = slots > 1 && (algorithm === 'source-hash' || algorithm === 'maglev');
    const method = hashed ? 'hash' : 'random';
    return { name: selectionChainName(endpoints, method, family, slots), family, endpoints, method, slots };
  }
}

/** Chain names are limited to 127 bytes and a few characters; a Service port's id is not. */
function digest(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 12);
}

/** The elements that make the kernel forward `port`. Pure: the same port always gives the same elements. */
export function elementsOf(port: ServicePort, weights?: LoadWeights): PortElements {
  const rendering = new Rendering(port, weights);
  for (const frontend of port.frontends) {
    if (frontend.kind === 'NodePort') renderNodePort(rendering, port, frontend);
    else renderAddress(rendering, port, frontend);
  }
  for (const endpoint of localOnes(port)) rendering.share('hairpin', hairpinKey(endpoint));
  if (port.affinitySeconds !== undefined) renderAffinity(rendering, port, port.affinitySeconds);
  return { own: rendering.own, shared: rendering.shared, chains: [...rendering.chains.values()] };
}

function localOnes(port: ServicePort): Set<string> {
  const local = [...port.clusterEndpoints, ...port.localEndpoints].filter((endpoint) => endpoint.local);
  return new Set(local.map((endpoint) => endpoint.address));
}

function renderAddress(
  rendering: Rendering,
  port: ServicePort,
  frontend: Exclude<Frontend, { kind: 'NodePort' }>,
): void {
  const key = frontendKey({ ...frontend, protocol: port.protocol });
  rendering.add('service_ports', key);
  if (frontend.kind === 'ClusterIP') {
    rendering.share('cluster_ips', frontend.address);
    const local = frontend.policy === 'Local';
    rendering.add(
      'services',
      key,
      rendering.balance(
        local ? 'local_endpoints' : 'endpoints',
        key,
        local ? port.localEndpoints : port.clusterEndpoints,
      ),
    );
    return;
  }
  rendering.add(frontend.policy === 'Local' ? 'masquerade_from_host' : 'masquerade', key);
  const verdict = externalVerdict(rendering, port, frontend.policy, key);
  const sourceRanges = frontend.kind === 'LoadBalancerIP' ? frontend.sourceRanges : undefined;
  if (sourceRanges === undefined) {
    rendering.add('services', key, verdict);
    return;
  }
  rendering.add('services', key, `goto firewall${port.family}`);
  rendering.add('allowed_services', key, verdict);
  rendering.own.push(...intervalElements('source_ranges', sourceRanges, (range) => sourceRangeKey(key, range)));
}

function externalVerdict(rendering: Rendering, port: ServicePort, policy: string, key: string): string {
  const everywhere = rendering.balance('endpoints', key, port.clusterEndpoints);
  if (policy !== 'Local' || !port.hasAnyEndpoints) return everywhere;
  rendering.add('cluster_policy', key, everywhere);
  rendering.add('local_policy', key, rendering.balance('local_endpoints', key, port.localEndpoints));
  return `goto external_local${port.family}`;
}

function renderNodePort(
  rendering: Rendering,
  port: ServicePort,
  frontend: Extract<Frontend, { kind: 'NodePort' }>,
): void {
  const key = frontendKey({ protocol: port.protocol, port: frontend.port });
  const local = frontend.policy === 'Local';
  rendering.add('node_ports', key);
  rendering.add(local ? 'node_port_masquerade_from_host' : 'node_port_masquerade', key);
  const everywhere = rendering.balance('node_port_endpoints', key, port.clusterEndpoints);
  if (!local || !port.hasAnyEndpoints) {
    rendering.add('node_port_services', key, everywhere);
    return;
  }
  rendering.add('node_port_services', key, `goto node_port_local${port.family}`);
  rendering.add('node_port_cluster_policy', key, everywhere);
  rendering.add(
    'node_port_local_policy',
    key,
    rendering.balance('node_port_local_endpoints', key, port.localEndpoints),
  );
}

/** Which endpoints a client may be remembered for: all that some frontend balances over. */
function renderAffinity(rendering: Rendering, port: ServicePort, seconds: number): void {
  const sets = affineSets(port.family, seconds);
  const endpoints = [...port.clusterEndpoints, ...port.localEndpoints].filter((endpoint) => endpoint.weight > 0);
  const live = new Set(endpoints.map(endpointText));
  for (const frontend of port.frontends) {
    const set = (frontend.kind === 'NodePort' ? sets.nodePort : sets.service).name;
    const key = frontendKey({ ...frontend, protocol: port.protocol });
    for (const endpoint of live) rendering.own.push({ set, key: liveKey(key, endpoint) });
  }
}
