import type { Explanation, Packet } from '../../src/dataplane/index.ts';
import type { Endpoint, Frontend, ServicePort } from '../../src/services/index.ts';

/** Addresses of the node at which NodePorts answer. */
export const nodeAddresses = { 4: '192.168.7.7', 6: 'fd77::7' } as const;

/** Where a client may stand. */
export const sources = ['pod', 'host', 'outside'] as const;
type Source = (typeof sources)[number];

/** A connection to a frontend of a Service port. */
export interface Visit {
  readonly port: ServicePort;
  readonly frontend: Frontend;
  readonly source: Source;
  readonly masqueradeAll: boolean;
}

/** What happens to a connection, as far as it is prescribed. */
export interface Outcome extends Pick<Explanation, 'action' | 'masquerade'> {
  readonly endpoints: ReadonlySet<string>;
}

/** Every frontend of these Service ports, from everywhere. */
export function visits(ports: Iterable<ServicePort>, masqueradeAll = false): Visit[] {
  return [...ports].flatMap((port) =>
    port.frontends.flatMap((frontend) => sources.map((source) => ({ port, frontend, source, masqueradeAll }))),
  );
}

/** A visit for people. */
export function visitText({ port, frontend, source }: Visit): string {
  return `${port.id} ${JSON.stringify(frontend)} from ${source}`;
}

/** What docs/reference/service-proxy-behaviour.md, sections 2 to 4, says about one connection, in the simplest words. */
export function expectedOutcome({ port, frontend, source, masqueradeAll }: Visit): Outcome {
  const external = frontend.kind !== 'ClusterIP';
  const candidates = candidatesOf(port, frontend, source);
  const open = candidates.filter((endpoint) => endpoint.weight > 0);
  const nothing = { masquerade: false, endpoints: new Set<string>() };
  if (frontend.kind === 'LoadBalancerIP' && frontend.sourceRanges) return { action: 'drop', ...nothing };
  if (candidates.length === 0) return { action: port.hasAnyEndpoints ? 'drop' : 'reject', ...nothing };
  if (open.length === 0) return { action: 'reject', ...nothing };
  const masquerade = external ? frontend.policy === 'Cluster' || source === 'host' : masqueradeAll || source !== 'pod';
  return { action: 'forward', masquerade, endpoints: new Set(open.map(name)) };
}

/** The same of what a data plane explains. */
export function outcomeOf({ action, masquerade, endpoints }: Explanation): Outcome {
  return { action, masquerade, endpoints: new Set(endpoints) };
}

/** Policy Local is for outside clients of external addresses, and for everybody at a ClusterIP. */
function candidatesOf(port: ServicePort, frontend: Frontend, source: Source): readonly Endpoint[] {
  const nearby = frontend.kind !== 'ClusterIP' && source !== 'outside';
  return frontend.policy === 'Local' && !nearby ? port.localEndpoints : port.clusterEndpoints;
}

function name({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The first packet of the connection. */
export function packetOf({ port, frontend, source, masqueradeAll }: Visit): Packet {
  const nodePort = frontend.kind === 'NodePort';
  return {
    // Not in any source range that the arbitraries make.
    source: port.family === 4 ? '198.18.0.1' : '3fff::1',
    destination: nodePort ? nodeAddresses[port.family] : frontend.address,
    protocol: port.protocol,
    port: frontend.port,
    fromHost: source === 'host',
    fromPod: source === 'pod',
    toHost: nodePort,
    masqueradeAll,
  };
}
