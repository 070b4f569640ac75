import type { EngineTargetState, FrontendAddress } from '../dataplane/index.ts';
import { familyOf, placeText } from '../ip/index.ts';
import type { ServicePort } from '../services/index.ts';
import { table } from './table.ts';

/** A virtual server with the Service port that leads to it. */
export interface NamedVirtualServer extends EngineTargetState {
  /** `namespace/name`; undefined if nobody leads there, or the agent did not say who. */
  readonly service?: string;
  /** Name of the Service port; empty if it has none. */
  readonly port?: string;
}

/** Virtual servers with the names of their Service ports, sorted by these. */
export function servedByIpvs(
  targets: readonly EngineTargetState[],
  ports: readonly ServicePort[],
): NamedVirtualServer[] {
  const owners = new Map(
    ports.flatMap((port) => port.frontends.map((each) => [frontendText({ ...port, ...each }), port])),
  );
  const named = targets.map((target): NamedVirtualServer => {
    const owner = target.frontends.map((each) => owners.get(frontendText(each))).find((port) => port !== undefined);
    return owner ? { service: `${owner.namespace}/${owner.name}`, port: owner.portName, ...target } : target;
  });
  return named.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

/** A line for each endpoint; what it shares with the one above is not said again. */
export function virtualServersText(servers: readonly NamedVirtualServer[]): string {
  if (servers.length === 0) return 'IPVS serves no Service here\n';
  const head = ['SERVICE PORT', 'PROTOCOL', 'ENDPOINTS', 'SCHEDULER', 'VIRTUAL SERVER'];
  return table([...head, 'ENDPOINT', 'WEIGHT', 'ACTIVE', 'INACTIVE'], servers.flatMap(rowsOf));
}

function rowsOf(server: NamedVirtualServer): string[][] {
  const { serving, scope, protocol, target } = server;
  const scheduler = serving?.scheduler ?? '-';
  const own = [ownerText(server), protocol, scope === 'local' ? 'of this node' : 'all', scheduler, placeText(target)];
  const endpoints = (serving?.endpoints ?? []).map((endpoint) => [
    ...[placeText(endpoint), String(endpoint.weight), String(endpoint.active), String(endpoint.inactive)],
  ]);
  const [first = ['none: dropped until the agent repairs it'], ...rest] = endpoints;
  return [[...own, ...first], ...rest.map((row) => [...own.map(() => ''), ...row])];
}

function ownerText({ service, port = '', target, frontends: [first] }: NamedVirtualServer): string {
  const family = familyOf(target.address) === 6 ? ' (IPv6)' : '';
  if (service !== undefined) return `${service}${port === '' ? '' : `:${port}`}${family}`;
  return first ? placeText({ address: first.address ?? 'node port', port: first.port }) : 'nobody leads there';
}

function sortKey(server: NamedVirtualServer): string {
  return [ownerText(server), server.protocol, server.scope ?? ''].join(' ');
}

function frontendText({ family, protocol, address = '', port }: FrontendAddress): string {
  return `${family} ${protocol} ${address} ${port}`;
}
