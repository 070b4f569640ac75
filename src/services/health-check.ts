import type { ParsedSlice } from './endpoint-slice.ts';
import type { ParsedService } from './service.ts';
import type { Family } from './types.ts';

/** The health-check node port of a Service: where a load balancer asks whether this node has endpoints. */
export interface HealthCheckNodePort {
  readonly port: number;
  /** The larger of the two families' numbers: a Pod with an address of each is one endpoint. */
  readonly localReadyEndpoints: number;
  /** For listeners that answer for one family only. */
  readonly byFamily: { readonly [F in Family]: number };
}

/**
 * What the health-check node port of a Service has to answer; undefined if the Service has none.
 *
 * Counted are the distinct addresses on this node that are ready. Not those that are terminating without being ready:
 * a load balancer must turn elsewhere before they are gone. Nor those of weight 0: they take no new connections.
 */
export function healthCheckOf(
  service: ParsedService | undefined,
  slices: readonly ParsedSlice[],
  nodeName: string,
): HealthCheckNodePort | undefined {
  if (service === undefined || service.healthCheckNodePort === 0) return undefined;
  const count = (family: Family): number =>
    service.clusterIps.some((ip) => ip.family === family) ? localReady(slices, family, nodeName) : 0;
  const byFamily = { 4: count(4), 6: count(6) };
  return {
    port: service.healthCheckNodePort,
    localReadyEndpoints: Math.max(byFamily[4], byFamily[6]),
    byFamily,
  };
}

/** Whether the answers are the same. */
export function equalHealthChecks(a: HealthCheckNodePort | undefined, b: HealthCheckNodePort | undefined): boolean {
  return a?.port === b?.port && a?.byFamily[4] === b?.byFamily[4] && a?.byFamily[6] === b?.byFamily[6];
}

function localReady(slices: readonly ParsedSlice[], family: Family, nodeName: string): number {
  const addresses = new Set<string>();
  for (const slice of slices) {
    if (slice.family !== family || slice.weight === 0 || slice.ports.length === 0) continue;
    for (const { address, ready, nodeName: on } of slice.endpoints) {
      if (ready && on === nodeName) addresses.add(address);
    }
  }
  return addresses.size;
}
