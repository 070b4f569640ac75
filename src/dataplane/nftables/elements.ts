import type { Element } from '../../nftables/index.ts';
import type { Endpoint, Frontend, ServicePort } from '../../services/index.ts';
import { slotsOf } from '../balancing/index.ts';
import type { SlotTable } from '../balancing/index.ts';
import type { DesiredPort, EngineTarget, EngineTargets } from '../data-plane.ts';
import { affinityRoom, learnChainName, liveSetName, rememberedPort } from './affinity-room.ts';
import type { Affinity, AffinityScope } from './affinity-room.ts';
import { digestOf } from '../digest.ts';
import { fastPathElements } from './fast-path-rules.ts';
import { endpointText, frontendKey, hairpinKey, slotKey } from './keys.ts';
import type { Room } from './rooms.ts';
import { countsSetOf, selectionNames } from './selection-names.ts';
import type { Scope, Selection } from './selection-names.ts';
import { selectionRooms, stickyRoom } from './selection-rooms.ts';
import { sourceRangeRoom } from './source-range-room.ts';

/** A Service port as the table holds it. */
export interface PortElements {
  /** Elements that belong to this Service port alone. */
  readonly own: readonly Element[];
  /** Elements that other Service ports may need as well (`cluster_ips`, `hairpin`). */
  readonly shared: readonly Element[];
  /** Rooms that its verdicts lead to, each after those that it needs itself; others may need them as well. */
  readonly rooms: readonly Room[];
}

type IsCrowded = (room: string) => boolean;

/** Collects the elements of one Service port. */
class Rendering {
  readonly own: Element[] = [];
  readonly shared: Element[] = [];
  readonly rooms = new Map<string, Room>();
  readonly #port: ServicePort;
  readonly #tables = new Map<readonly Endpoint[], SlotTable>();
  readonly #weights: DesiredPort['weights'];
  readonly #via: EngineTargets | undefined;
  readonly #proxied: boolean;
  readonly #isCrowded: IsCrowded;
  /** What frontends with affinity choose from, by scope. */
  readonly #live = new Map<AffinityScope, Set<string>>();
  readonly #affinity: Affinity | undefined;
  #knownDigest: string | undefined;

  constructor({ port, weights, via, proxied }: DesiredPort, isCrowded: IsCrowded) {
    this.#port = port;
    this.#isCrowded = isCrowded;
    this.#weights = weights;
    this.#via = via;
    this.#proxied = proxied === true;
    const { family, protocol, affinitySeconds: seconds } = port;
    if (seconds !== undefined)
      this.#affinity = { family, protocol, digest: this.#digest, seconds, port: rememberedPort(port) };
  }

  add(set: string, key: string, data?: string): void {
    const name = `${set}${this.#port.family}`;
    this.own.push(data === undefined ? { set: name, key } : { set: name, key, data });
  }

  share(set: string, key: string, data?: string): void {
    const name = `${set}${this.#port.family}`;
    this.shared.push(data === undefined ? { set: name, key } : { set: name, key, data });
  }

  /** Whether connections to a frontend go past the engine of its Service port. */
  isPastEngine({ kind, policy }: Frontend): boolean {
    return this.#proxied && kind !== 'ClusterIP' && policy === 'Local';
  }

  /**
   * The verdict that balances over `endpoints`; writes their slots under the key of the frontend.
   *
   * @param frontend and its key
   */
  balance(scope: Scope, [key, frontend]: [string, Frontend], endpoints: readonly Endpoint[]): string {
    const target = this.#targetOf(scope, frontend);
    // An engine makes no use of slots: to it each endpoint is one.
    const chosenFrom = target ? endpoints.filter(({ weight }) => weight > 0) : this.#slotsOf(endpoints);
    if (chosenFrom.length === 0) return this.#port.hasAnyEndpoints && endpoints.length === 0 ? 'drop' : 'goto refuse';
    const chain = this.#writeSlots(scope, key, target ? [target] : chosenFrom);
    const affinity = target && this.#proxied ? undefined : this.#affinity;
    return `goto ${affinity ? this.#sticky(affinity, scope, chain, chosenFrom) : chain}`;
  }

  #targetOf(scope: Scope, frontend: Frontend): EngineTarget | undefined {
    return this.isPastEngine(frontend) ? undefined : this.#via?.[isLocal(scope) ? 'local' : 'cluster'];
  }

  /** @returns the chain that draws one of them */
  #writeSlots(scope: Scope, key: string, table: SlotTable | readonly EngineTarget[]): string {
    const selection = this.#selection(scope, table.length);
    const { chain, map } = selectionNames(selection);
    this.need(...selectionRooms(selection));
    if (selection.only) this.own.push({ set: countsSetOf(map), key: slotKey(key, table.length) });
    table.forEach((endpoint, slot) => {
      this.own.push({ set: map, key: slotKey(key, slot), data: endpointText(endpoint) });
    });
    return chain;
  }

  need(...rooms: readonly Room[]): void {
    for (const room of rooms) this.rooms.set(room.name, room);
  }

  /** The room in which this Service port's clients are remembered, and the way there from its frontends. */
  remember(): void {
    const affinity = this.#affinity;
    const { frontends, protocol, family } = this.#port;
    if (!affinity || this.#live.size === 0) return;
    this.need(affinityRoom(affinity, this.#live.keys(), this.#isCrowded(learnChainName(affinity))));
    for (const [scope, endpoints] of this.#live) {
      const set = liveSetName(scope, affinity);
      for (const key of endpoints) this.own.push({ set, key });
    }
    this.share('learning', protocol, `goto learners${family}`);
    for (const frontend of frontends) {
      if (this.#proxied && !this.isPastEngine(frontend)) continue;
      const set = frontend.kind === 'NodePort' ? 'node_port_learners' : 'learners';
      this.add(set, frontendKey({ ...frontend, protocol }), `goto ${learnChainName(affinity)}`);
    }
  }

  get #digest(): string {
    return (this.#knownDigest ??= digestOf(this.#port.id));
  }

  #slotsOf(endpoints: readonly Endpoint[]): SlotTable {
    let table = this.#tables.get(endpoints);
    if (!table) {
      table = slotsOf(this.#port, endpoints, this.#weights);
      this.#tables.set(endpoints, table);
    }
    return table;
  }

  #selection(scope: Scope, slots: number): Selection {
    const { algorithm, family, protocol, id } = this.#port;
    if (algorithm === 'round-robin' && slots > 1) {
      return { scope, family, method: 'round_robin', slots, only: { digest: this.#digest, protocol, id } };
    }
    const hashed = slots > 1 && (algorithm === 'source-hash' || algorithm === 'maglev');
    return { scope, family, method: hashed ? 'hash' : 'random', slots };
  }

  /** The chain that asks for the client's endpoint before it goes on with `plain`. */
  #sticky(affinity: Affinity, scope: Scope, plain: string, table: SlotTable): string {
    const local: AffinityScope = isLocal(scope) ? 'local_' : '';
    const live = this.#live.get(local) ?? new Set();
    this.#live.set(local, live);
    for (const endpoint of table) live.add(endpointText(endpoint));
    const room = stickyRoom(plain, affinity, local);
    this.need(room);
    return room.name;
  }
}

const isLocal = (scope: Scope): boolean => scope.endsWith('local_');

/**
 * The elements that make the kernel forward a Service port. Pure: the same port always gives the same elements.
 *
 * @param o.isCrowded whether very many clients are remembered in a room of this name
 * @param o.fastPath connections take the fast path
 */
export function elementsOf(
  desired: DesiredPort,
  o: { isCrowded?: IsCrowded; fastPath?: boolean | undefined } = {},
): PortElements {
  const { isCrowded = () => false, fastPath = false } = o;
  const rendering = new Rendering(desired, isCrowded);
  const { port } = desired;
  for (const frontend of port.frontends) {
    if (frontend.kind === 'NodePort') renderNodePort(rendering, port, frontend);
    else renderAddress(rendering, port, frontend);
  }
  for (const endpoint of localOnes(port)) rendering.share('hairpin', hairpinKey(endpoint));
  rendering.remember();
  if (fastPath) rendering.own.push(...fastPathElements(desired));
  return { own: rendering.own, shared: rendering.shared, rooms: inOrder(rendering.rooms) };
}

/** The room of remembered clients comes last in the making, but sticky chains name its map. */
function inOrder(rooms: ReadonlyMap<string, Room>): Room[] {
  return [...rooms.values()].sort((a, b) => Number(b.sets.length > 0) - Number(a.sets.length > 0));
}

/** Those that run on this node, or may. */
function localOnes(port: ServicePort): Set<string> {
  const local = [...port.clusterEndpoints, ...port.localEndpoints].filter((each) => each.local || each.maybeLocal);
  return new Set(local.map((endpoint) => endpoint.address));
}

function renderAddress(
  rendering: Rendering,
  port: ServicePort,
  frontend: Exclude<Frontend, { kind: 'NodePort' }>,
): void {
  const key = frontendKey({ ...frontend, protocol: port.protocol });
  const local = frontend.policy === 'Local';
  rendering.add('service_ports', key);
  if (frontend.kind === 'ClusterIP') {
    rendering.share('cluster_ips', frontend.address);
    const endpoints = local ? port.localEndpoints : port.clusterEndpoints;
    rendering.add('services', key, rendering.balance(local ? 'local_' : '', [key, frontend], endpoints));
    return;
  }
  rendering.add('source_policies', key, sourcePolicy(port, frontend));
  const verdict = externalVerdict(rendering, port, frontend, key);
  const sourceRanges = frontend.kind === 'LoadBalancerIP' ? frontend.sourceRanges : undefined;
  if (sourceRanges === undefined) {
    rendering.add('services', key, verdict);
    return;
  }
  const room = sourceRangeRoom(port.family, sourceRanges);
  rendering.need(room);
  rendering.add('services', key, `goto ${room.name}`);
  rendering.add('allowed_services', key, verdict);
}

/** Whose source address is replaced, of connections to an external frontend. */
function sourcePolicy({ family }: ServicePort, { policy }: Frontend): string {
  return `goto masquerade_${policy === 'Local' ? 'host' : 'all'}${family}`;
}

function externalVerdict(rendering: Rendering, port: ServicePort, frontend: Frontend, key: string): string {
  const everywhere = rendering.balance('', [key, frontend], port.clusterEndpoints);
  if (frontend.policy !== 'Local' || !port.hasAnyEndpoints) return everywhere;
  rendering.add('cluster_policy', key, everywhere);
  rendering.add('local_policy', key, rendering.balance('local_', [key, frontend], port.localEndpoints));
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
  rendering.add('node_port_source_policies', key, sourcePolicy(port, frontend));
  const everywhere = rendering.balance('node_port_', [key, frontend], port.clusterEndpoints);
  if (!local || !port.hasAnyEndpoints) {
    rendering.add('node_port_services', key, everywhere);
    return;
  }
  rendering.add('node_port_services', key, `goto node_port_local${port.family}`);
  rendering.add('node_port_cluster_policy', key, everywhere);
  rendering.add(
    'node_port_local_policy',
    key,
    rendering.balance('node_port_local_', [key, frontend], port.localEndpoints),
  );
}
