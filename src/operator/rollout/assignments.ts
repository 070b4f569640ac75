import { Inject, Injectable } from '@nestjs/common';
import type { ProxyNodeState, ProxyNodeStateSpec } from '../../api/index.ts';
import { ClusterCache, isTold } from '../cluster/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { perTerm } from '../injection.ts';
import { belongsTo, nodeStateOf } from './node-state.ts';
import { spokesmanOf } from './spokesman.ts';
import { isOn } from './target.ts';
import type { ConfigPlan } from './plan.ts';

/**
 * What every node is to be told, as it was decided in this term; the objects follow. A plan is made from it, not from
 * what the cache has seen: who was chosen a moment ago must not be chosen again.
 */
@Injectable(perTerm)
export class Assignments {
  readonly #cache: ClusterCache;
  /** By name of the node; the uid tells it from a Node of the same name that comes later. */
  readonly #decided = new Map<string, { readonly uid: string; readonly spec: ProxyNodeStateSpec }>();
  #uncovered: ReadonlySet<string> | undefined;
  #spokesman: string | undefined;
  /** Names of nodes without kube-proxy; undefined before that is known: then everybody keeps what was said last. */
  #parked: ReadonlySet<string> | undefined;

  constructor(@Inject(ClusterCache) cache: ClusterCache) {
    this.#cache = cache;
  }

  /** What the node was told last, and what it says about that. */
  stateOf(node: ClusterNode): ProxyNodeState | undefined {
    const found = this.#cache.nodeStates.get(node.name);
    const cached = found !== undefined && belongsTo(found, node) ? found : undefined;
    const decided = this.#decided.get(node.name);
    if (decided?.uid !== node.uid) return cached;
    const { spec } = decided;
    const seen = cached !== undefined && isOn(cached.spec, spec) && isSameRollout(cached.spec, spec);
    if (seen) return { ...cached, spec };
    // What it says is about something older.
    const metadata = cached === undefined ? nodeStateOf(spec, node).metadata : cached.metadata;
    return { ...cached, metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 }, spec };
  }

  /**
   * Takes over what a plan has decided for the nodes of a config, and what they have as what they are to keep. Returns
   * the names of those that have to be looked at.
   */
  decide({ share, tell }: ConfigPlan): string[] {
    return share.won.filter((node) => this.#assign(node, tell.get(node.name) ?? this.#kept(node))).map(nameOf);
  }

  /** Takes over that nodes which no config governs are cleaned up; returns their names. */
  cleanUp(tell: ReadonlyMap<string, ProxyNodeStateSpec>): string[] {
    const nodes = [...tell.keys()].flatMap((name) => this.#cache.nodes.get(name) ?? []);
    const told = (name: string): ProxyNodeStateSpec | undefined => {
      const spec = tell.get(name);
      return spec && withoutMarks(spec);
    };
    return nodes.filter((node) => this.#assign(node, told(node.name))).map(nameOf);
  }

  /** False if that was decided before. */
  #assign(node: ClusterNode, told: ProxyNodeStateSpec | undefined): boolean {
    const before = this.#decided.get(node.name);
    if (told === undefined || (before?.uid === node.uid && before.spec === told)) return false;
    this.#decided.set(node.name, { uid: node.uid, spec: told });
    return true;
  }

  /** Takes over which nodes no config governs, and forgets nodes that are gone; returns those for which that is new. */
  cover(uncovered: readonly string[]): string[] {
    const [before, now] = [this.#uncovered, new Set(uncovered)];
    for (const name of this.#decided.keys()) if (this.#cache.nodes.get(name) === undefined) this.#decided.delete(name);
    this.#uncovered = now;
    return [...now, ...(before ?? [])].filter((name) => before?.has(name) !== now.has(name));
  }

  /** Whether a config governs the node; undefined before the first plan. */
  isCovered(node: string): boolean | undefined {
    return this.#uncovered === undefined ? undefined : !this.#uncovered.has(node);
  }

  /**
   * Chooses whose agent writes the Events on Services and EndpointSlices, among the nodes that a config governs; returns
   * the names of those that have to be looked at.
   */
  chooseSpokesman(stateOf: (node: ClusterNode) => ProxyNodeState | undefined): string[] {
    const nodes = [...this.#cache.nodes.values()].filter(({ name, uid }) => this.#decided.get(name)?.uid === uid);
    const isMarked = (name: string): boolean => this.#cache.nodeStates.get(name)?.spec.objectEvents ?? false;
    this.#spokesman = spokesmanOf(nodes, stateOf, this.#spokesman ?? nodes.map(nameOf).find(isMarked));
    return nodes.map(nameOf).filter((name) => isMarked(name) !== (name === this.#spokesman));
  }

  /**
   * Takes over on which nodes kube-proxy has gone, also on those that no config governs; returns the names of those that
   * have to be looked at.
   */
  park(parked: ReadonlySet<string>): string[] {
    this.#parked = parked;
    const nodes = [...this.#cache.nodes.values()].filter(({ name }) => this.#isParked(name) !== this.#isTold(name));
    for (const node of nodes) if (this.desiredOf(node) === undefined) this.#assign(node, this.#kept(node));
    return nodes.map(nameOf);
  }

  #isParked(name: string): boolean {
    return this.#parked?.has(name) ?? this.#isTold(name);
  }

  /** What the object says. */
  #isTold(name: string): boolean {
    return this.#cache.nodeStates.get(name)?.spec.kubeProxy === 'Parked';
  }

  /** The node's ProxyNodeState as it is to be; undefined if nothing has been decided. */
  desiredOf(node: ClusterNode): ProxyNodeState | undefined {
    const decided = this.#decided.get(node.name);
    if (decided?.uid !== node.uid) return undefined;
    const spec: ProxyNodeStateSpec = {
      ...decided.spec,
      ...(node.name === this.#spokesman && { objectEvents: true }),
      ...(this.#isParked(node.name) && { kubeProxy: 'Parked' }),
    };
    return nodeStateOf(spec, node);
  }

  /** Who speaks for all, and where kube-proxy is, is decided for itself, and no part of what a node is told. */
  #kept(node: ClusterNode): ProxyNodeStateSpec | undefined {
    const state = this.stateOf(node);
    if (!isTold(state)) return undefined;
    return withoutMarks(state.spec);
  }
}

const nameOf = ({ name }: ClusterNode): string => name;

/** The same object if there are none: who was told it before has nothing new. */
function withoutMarks(spec: ProxyNodeStateSpec): ProxyNodeStateSpec {
  if (!('objectEvents' in spec) && !('kubeProxy' in spec)) return spec;
  const rest = { ...spec };
  delete rest.objectEvents;
  delete rest.kubeProxy;
  return rest;
}

function isSameRollout({ rollout: a }: ProxyNodeStateSpec, { rollout: b }: ProxyNodeStateSpec): boolean {
  return a?.startedAt === b?.startedAt && a?.returning === b?.returning;
}
