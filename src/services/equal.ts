import type { Endpoint, Frontend, ProxyChoice, ServicePort } from './types.ts';

/** Whether two lists are equal, item by item. */
export function equalLists<T>(
  a: readonly T[],
  b: readonly T[],
  equal: (one: T, other: T) => boolean = Object.is,
): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((item, index) => equal(item, b[index] as T));
}

function equalEndpoints(a: Endpoint, b: Endpoint): boolean {
  const samePlace = a.local === b.local && a.maybeLocal === b.maybeLocal;
  return a.address === b.address && a.port === b.port && samePlace && a.weight === b.weight;
}

function equalFrontends(a: Frontend, b: Frontend): boolean {
  if (a.kind !== b.kind || a.port !== b.port || a.policy !== b.policy) return false;
  if (a.kind === 'NodePort' || b.kind === 'NodePort') return true;
  return a.address === b.address && equalRanges(rangesOf(a), rangesOf(b));
}

function rangesOf(frontend: Frontend): readonly string[] | undefined {
  return frontend.kind === 'LoadBalancerIP' ? frontend.sourceRanges : undefined;
}

function equalRanges(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalLists(a, b);
}

/**
 * The new state, made of as much of the old one as is equal: the old object itself if nothing differs, otherwise its
 * lists where they are equal. So a comparison by identity finds what changed.
 */
export function reuse(old: ServicePort | undefined, now: ServicePort): ServicePort {
  if (old === undefined) return now;
  const frontends = equalLists(old.frontends, now.frontends, equalFrontends) ? old.frontends : now.frontends;
  const clusterEndpoints = equalLists(old.clusterEndpoints, now.clusterEndpoints, equalEndpoints)
    ? old.clusterEndpoints
    : now.clusterEndpoints;
  const localEndpoints = equalLists(old.localEndpoints, now.localEndpoints, equalEndpoints)
    ? old.localEndpoints
    : now.localEndpoints;
  const otherServingEndpoints = equalLists(old.otherServingEndpoints, now.otherServingEndpoints, equalEndpoints)
    ? old.otherServingEndpoints
    : now.otherServingEndpoints;
  const result: ServicePort = { ...now, frontends, clusterEndpoints, localEndpoints, otherServingEndpoints };
  return equalFields(old, result) ? old : result;
}

/** Ids are equal already, and with them namespace, names, protocol and family; lists are compared by identity. */
function equalFields(a: ServicePort, b: ServicePort): boolean {
  return (
    a.frontends === b.frontends &&
    a.clusterEndpoints === b.clusterEndpoints &&
    a.localEndpoints === b.localEndpoints &&
    a.otherServingEndpoints === b.otherServingEndpoints &&
    a.hasAnyEndpoints === b.hasAnyEndpoints &&
    a.affinitySeconds === b.affinitySeconds &&
    a.algorithm === b.algorithm &&
    a.maglevTableSize === b.maglevTableSize &&
    equalEngines(a, b)
  );
}

function equalEngines(a: ServicePort, b: ServicePort): boolean {
  const same = a.engine === b.engine && a.scheduler === b.scheduler;
  return same && equalProxies(a.proxy ?? {}, b.proxy ?? {});
}

function equalProxies(a: Partial<ProxyChoice>, b: Partial<ProxyChoice>): boolean {
  return a.protocol === b.protocol && a.hashHeader === b.hashHeader && a.slowStartSeconds === b.slowStartSeconds;
}
