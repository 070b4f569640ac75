import { maglevTableSizes } from '../api/index.ts';
import type { Claim, Claims } from './claims.ts';
import type { ParsedSlice } from './endpoint-slice.ts';
import { describeFrontend } from './frontends.ts';
import type { PortIdentity } from './frontends.ts';
import { makeProblem } from './reasons.ts';
import type { ParsedService } from './service.ts';
import type { SourceRanges } from './source-ranges.ts';
import type { Problem, ServicePort } from './types.ts';

/** A Service port that exists. */
export interface PortRecord {
  readonly identity: PortIdentity;
  readonly claims: readonly Claim[];
  state: ServicePort;
}

/** All that belongs to a Service name, in whatever order it arrives. */
export interface Entry {
  service: ParsedService | undefined;
  /** Who may connect to its load-balancer addresses, as this node sees it. */
  admitted: SourceRanges | undefined;
  /** Sorted by key. */
  slices: readonly ParsedSlice[];
  ports: readonly PortRecord[];
  /** How many of them have more endpoints than can be balanced over. */
  crowded: number;
}

/** The frontends that a Service port wants and another Service has. */
export function conflictsOf({ identity, claims }: PortRecord, all: Claims): Problem[] {
  const { service, port, family } = identity;
  const object = { kind: 'Service', namespace: service.namespace, name: service.name } as const;
  return claims.flatMap(({ slot, frontend, owner }) => {
    const holder = all.holder(slot)?.owner;
    if (holder === undefined || holder.id === owner.id) return [];
    const place = describeFrontend(frontend, port.protocol, family);
    const message = `${place} belongs to Service ${holder.service.key.slice(0, 130)}; remove it from one of the two`;
    return [makeProblem(object, 'FrontendConflict', message)];
  });
}

/** Rows of the largest Maglev table. */
const mostRows = Math.max(...maglevTableSizes);

/** Whether a Service port has more endpoints than can be balanced over. */
export function isCrowded({ state }: PortRecord): boolean {
  if (state.algorithm !== 'maglev') return false;
  return [state.clusterEndpoints, state.localEndpoints].some(
    // Counted one by one only where it may matter.
    (list) => list.length > mostRows && list.filter(({ weight }) => weight > 0).length > mostRows,
  );
}

/** The Service ports that have more endpoints than can be balanced over. */
export function crowdingOf(port: PortRecord): Problem[] {
  if (!isCrowded(port)) return [];
  const { namespace, name, portName, protocol, family } = port.state;
  const which = `${portName === '' ? '' : `${portName.slice(0, 63)} `}${protocol}, IPv${family}`;
  const message = `the port (${which}) has more endpoints than the largest Maglev table has rows (${mostRows}), and some get no new connections; choose another algorithm`;
  return [makeProblem({ kind: 'Service', namespace, name }, 'TooManyEndpoints', message)];
}

/** Endpoints in a slice. */
export function sizeOf(slice: ParsedSlice | undefined): number {
  return slice?.endpoints.length ?? 0;
}

/** Whether some endpoint is meant for certain zones only. */
export function hasZoneHints(slice: ParsedSlice): boolean {
  return slice.endpoints.some((endpoint) => endpoint.zoneHints.length > 0);
}

/** Whether a slice has endpoints for a Service port. */
export function concerns(slice: ParsedSlice | undefined, { port, family }: PortIdentity): boolean {
  if (slice?.family !== family) return false;
  return slice.ports.some(({ name, protocol }) => name === port.name && protocol === port.protocol);
}
