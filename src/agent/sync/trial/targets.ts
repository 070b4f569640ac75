import type { ServicePort } from '../../../services/index.ts';

/** An address and port on the network. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

/** Somewhere this node must be able to connect to. */
export interface Target extends Place {
  /** For people: `Service default/kubernetes (10.96.0.1:443)`. */
  readonly name: string;
  /** What answers behind it; empty for what is no Service. */
  readonly endpoints: readonly Place[];
}

/** So many Services besides the API server itself: each connection is one that a program of somebody's must accept. */
const mostServices = 5;
/** Those on which everything else depends come first. */
const first = ['default/kubernetes', 'kube-system/kube-dns'];

/** Where to connect to: the API server at its own address, and ClusterIPs of Services that have endpoints, over TCP. */
export function targetsOf(apiServer: string, ports: Iterable<ServicePort>): Target[] {
  const services = [...ports].flatMap((port) => serviceTarget(port) ?? []);
  services.sort((a, b) => a.rank - b.rank);
  const sample = services.slice(0, mostServices).map(({ target }) => target);
  return [apiServerTarget(apiServer), ...sample];
}

function apiServerTarget(server: string): Target {
  const { hostname, port, protocol } = new URL(server);
  const address = hostname.replaceAll(/[[\]]/g, '');
  const number = port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port);
  return { name: `the API server (${server})`, address, port: number, endpoints: [] };
}

function serviceTarget(servicePort: ServicePort): { rank: number; target: Target } | undefined {
  const { namespace, name, protocol, frontends, clusterEndpoints } = servicePort;
  const frontend = frontends.find(({ kind }) => kind === 'ClusterIP');
  if (protocol !== 'tcp' || frontend?.kind !== 'ClusterIP' || clusterEndpoints.length === 0) return undefined;
  const { address, port } = frontend;
  const service = `${namespace}/${name}`;
  const rank = first.includes(service) ? first.indexOf(service) : first.length;
  return {
    rank,
    target: { name: `Service ${service} (${address}:${port})`, address, port, endpoints: clusterEndpoints },
  };
}
