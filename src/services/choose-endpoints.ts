import type { ParsedSlice, SliceEndpoint } from './endpoint-slice.ts';
import { compareText } from './read.ts';
import type { Endpoint, Protocol } from './types.ts';

/** Where this agent runs. */
export interface Place {
  readonly nodeName: string;
  /** '' if the node has no zone label. */
  readonly zone: string;
}

/** Which lists a Service port needs. */
export interface Uses {
  /** It sends traffic to all endpoints: internal policy Cluster, or reachable from outside (short circuits). */
  readonly cluster: boolean;
  /** It sends traffic to local endpoints only, from inside or from outside. */
  readonly local: boolean;
}

/** The endpoints of a Service port; a list that is not used is empty. */
export interface ChosenEndpoints {
  readonly clusterEndpoints: readonly Endpoint[];
  readonly localEndpoints: readonly Endpoint[];
  /** Serving endpoints that are in neither list. */
  readonly otherServingEndpoints: readonly Endpoint[];
  /** Whether anything usable exists anywhere, this node or not. */
  readonly hasAnyEndpoints: boolean;
}

interface Candidate {
  readonly source: SliceEndpoint;
  readonly endpoint: Endpoint;
}

/**
 * Which endpoints a Service port balances over, as kube-proxy's CategorizeEndpoints has it: ready ones, and those that
 * are serving while they terminate only if there is no ready one, separately for both lists. Topology hints narrow the
 * cluster list alone.
 *
 * A weight of 0 does not make an endpoint less ready: it stays in the lists, with its weight.
 *
 * @param slices those of the Service in the family of the port, in the order of their keys
 */
export function chooseEndpoints(
  slices: readonly ParsedSlice[],
  port: { readonly portName: string; readonly protocol: Protocol },
  uses: Uses,
  place: Place,
): ChosenEndpoints {
  const all = mergeSlices(slices, port, place);
  const ready = all.filter(({ source }) => source.ready);
  const draining = all.filter(({ source }) => source.serving && source.terminating);
  const nearby = uses.cluster ? nearest(ready, place) : [];
  const clusterEndpoints = uses.cluster ? endpointsOf(nearby.length > 0 ? nearby : draining) : [];
  const localEndpoints = uses.local ? firstLocal(ready, draining) : [];
  const chosen = new Set([...clusterEndpoints, ...localEndpoints]);
  const serving = all.filter(({ source, endpoint }) => (source.ready || source.serving) && !chosen.has(endpoint));
  return {
    clusterEndpoints,
    localEndpoints,
    otherServingEndpoints: endpointsOf(serving),
    hasAnyEndpoints: ready.length > 0 || draining.length > 0,
  };
}

function endpointsOf(candidates: readonly Candidate[]): readonly Endpoint[] {
  return candidates.map(({ endpoint }) => endpoint);
}

function firstLocal(ready: readonly Candidate[], draining: readonly Candidate[]): readonly Endpoint[] {
  const local = ready.filter(({ endpoint }) => endpoint.local);
  return endpointsOf(local.length > 0 ? local : draining.filter(({ endpoint }) => endpoint.local));
}

/**
 * Narrows ready endpoints to those hinted for this node, else for its zone. Hints count only if every endpoint has one
 * and somebody is hinted for here: otherwise the controller that writes them is behind, and all endpoints are used.
 */
function nearest(ready: readonly Candidate[], place: Place): readonly Candidate[] {
  const sameNode = hintedFor(ready, (source) => source.nodeHints, place.nodeName);
  if (sameNode.length > 0) return sameNode;
  const sameZone = hintedFor(ready, (source) => source.zoneHints, place.zone);
  return sameZone.length > 0 ? sameZone : ready;
}

function hintedFor(
  ready: readonly Candidate[],
  hints: (source: SliceEndpoint) => readonly string[],
  here: string,
): readonly Candidate[] {
  if (!ready.every(({ source }) => hints(source).length > 0)) return [];
  return ready.filter(({ source }) => hints(source).includes(here));
}

/** The endpoints of all slices for one port, sorted by address and port, each address and port once. */
function mergeSlices(
  slices: readonly ParsedSlice[],
  { portName, protocol }: { readonly portName: string; readonly protocol: Protocol },
  { nodeName }: Place,
): readonly Candidate[] {
  const found: Candidate[] = [];
  for (const { ports, endpoints, weight } of slices) {
    for (const { name, protocol: slicePortProtocol, port } of ports) {
      if (name !== portName || slicePortProtocol !== protocol) continue;
      for (const source of endpoints) {
        found.push({ source, endpoint: makeEndpoint(source, { port, weight, nodeName }) });
      }
    }
  }
  found.sort(compareCandidates);
  return found.filter((candidate, index) => index === 0 || !sameTarget(candidate, found[index - 1]));
}

function makeEndpoint(
  { address, nodeName: on }: SliceEndpoint,
  { port, weight, nodeName }: { readonly port: number; readonly weight: number; readonly nodeName: string },
): Endpoint {
  // Nearly all endpoints have a node; without the field they are smaller.
  if (on === '') return { address, port, local: false, maybeLocal: true, weight };
  return { address, port, local: on === nodeName, weight };
}

function sameTarget({ endpoint }: Candidate, other: Candidate | undefined): boolean {
  return other?.endpoint.address === endpoint.address && other.endpoint.port === endpoint.port;
}

/**
 * By address and port. Of the same address and port the one to keep comes first: a Pod that moves from one slice to
 * another is in both for a moment, and the copy that is not terminating, that is ready, that is serving is the newer.
 */
function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    compareText(a.endpoint.address, b.endpoint.address) ||
    a.endpoint.port - b.endpoint.port ||
    Number(a.source.terminating) - Number(b.source.terminating) ||
    Number(b.source.ready) - Number(a.source.ready) ||
    Number(b.source.serving) - Number(a.source.serving)
  );
}
