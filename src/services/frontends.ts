import { familyOf } from '../ip/index.ts';
import { compareText, flat } from './read.ts';
import type { ParsedPort, ParsedService } from './service.ts';
import type { SourceRanges } from './source-ranges.ts';
import type { Family, Frontend, Protocol } from './types.ts';

/** The identity of one port of one Service in one family. */
export interface PortIdentity {
  readonly id: string;
  readonly service: ParsedService;
  readonly port: ParsedPort;
  readonly family: Family;
}

/** The ports of a Service in the families in which it has a ClusterIP; only there does Kubernetes serve it. */
export function portsOf(service: ParsedService): readonly PortIdentity[] {
  return service.clusterIps.flatMap(({ family }) =>
    service.ports.map((port) => ({ id: idOf(service, port, family), service, port, family })),
  );
}

function idOf(service: ParsedService, port: ParsedPort, family: Family): string {
  // Kubernetes allows no colon in a port name. Escaped, the last colon of an id always ends the name of the Service.
  const portName = port.name.replace(/[%:]/g, (sign) => (sign === ':' ? '%3A' : '%25'));
  return flat(service.key, ':', portName, '/', port.protocol, '/', family);
}

/**
 * Every frontend that a Service port asks for, each address and port once: an address that is given in several ways is
 * the ClusterIP before a load-balancer IP (whose source ranges then hold) before an external IP.
 *
 * @param admitted who may connect to the load-balancer addresses, as this node has to see it
 */
export function wantedFrontends(
  { service, port, family }: PortIdentity,
  admitted: SourceRanges | undefined,
): readonly Frontend[] {
  const frontends: Frontend[] = [];
  const taken = new Set<string>();
  const add = (addresses: readonly string[], make: (address: string) => Frontend): void => {
    for (const address of addresses) {
      if (familyOf(address) !== family || taken.has(address)) continue;
      taken.add(address);
      frontends.push(make(address));
    }
  };
  const base = { port: port.port, policy: service.externalPolicy };
  const sourceRanges = admitted?.[family];
  add(
    service.clusterIps.map(({ address }) => address),
    (address) => ({ kind: 'ClusterIP', address, port: port.port, policy: service.internalPolicy }),
  );
  add(service.loadBalancerIps, (address) => ({
    kind: 'LoadBalancerIP',
    address,
    ...base,
    ...(sourceRanges === undefined ? {} : { sourceRanges }),
  }));
  add(service.externalIps, (address) => ({ kind: 'ExternalIP', address, ...base }));
  if (port.nodePort !== 0) frontends.push({ kind: 'NodePort', port: port.nodePort, policy: service.externalPolicy });
  return frontends;
}

/** Order of the frontends of a Service port: kind, address, port. */
export function compareFrontends(a: Frontend, b: Frontend): number {
  return compareText(a.kind, b.kind) || compareText(addressOf(a), addressOf(b)) || a.port - b.port;
}

/** What no two Services can both have: an address, port and protocol, or a node port of a family. */
export function slotOf(frontend: Frontend, protocol: Protocol, family: Family): string {
  const place = frontend.kind === 'NodePort' ? `NodePort/IPv${family}` : frontend.address;
  return flat(place, '/', frontend.port, '/', protocol);
}

/** The frontend in words for people, e.g. `ExternalIP 192.0.2.1:80/tcp`, `NodePort 30080/tcp (IPv6)`. */
export function describeFrontend(frontend: Frontend, protocol: Protocol, family: Family): string {
  if (frontend.kind === 'NodePort') return `NodePort ${frontend.port}/${protocol} (IPv${family})`;
  const address = family === 6 ? `[${frontend.address}]` : frontend.address;
  return `${frontend.kind} ${address}:${frontend.port}/${protocol}`;
}

function addressOf(frontend: Frontend): string {
  return frontend.kind === 'NodePort' ? '' : frontend.address;
}
