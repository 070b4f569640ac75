import { contains, familyOf } from '../../../ip/index.ts';
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
  /** To reach one of these is as good. */
  readonly alternatives: readonly Place[];
}

/** All API servers that are known, and the one in use. */
export interface ServersInUse {
  readonly current: string;
  readonly all: readonly string[];
}

/** What of this node matters to its NodePorts. */
export interface NodeAtStake {
  /** Its own addresses. */
  readonly addresses: readonly string[];
  /** Within which NodePorts are to be served. */
  readonly nodePortAddresses: readonly string[];
}

/** Connections from here are the agent's own affair. */
const loopback = ['127.0.0.0/8', '::1/128'];

/** So many Services besides the API server itself: each connection is one that a program of somebody's must accept. */
const mostServices = 5;
/** Of a node so many addresses are tried. */
const mostAddresses = 8;
/** Those on which everything else depends come first. */
const first = ['default/kubernetes', 'kube-system/kube-dns'];

/**
 * Where to connect to: an API server at its own address, ClusterIPs of Services that have endpoints, over TCP, and one
 * NodePort.
 */
export function targetsOf(apiServers: ServersInUse, all: Iterable<ServicePort>, node: NodeAtStake): Target[] {
  const ports = [...all];
  const services = ports.flatMap((port) => serviceTarget(port) ?? []);
  services.sort((a, b) => a.rank - b.rank);
  const sample = services.slice(0, mostServices).map(({ target }) => target);
  const nodePort = ports.flatMap((port) => nodePortTarget(port, node) ?? []).slice(0, 1);
  return [apiServerTarget(apiServers), ...sample, ...nodePort];
}

/** Whoever wants NodePorts on loopback addresses alone wants them to be served nowhere else. */
function nodePortTarget(servicePort: ServicePort, node: NodeAtStake): Target | undefined {
  const { namespace, name, protocol, family, frontends, clusterEndpoints } = servicePort;
  const frontend = frontends.find(({ kind }) => kind === 'NodePort');
  if (protocol !== 'tcp' || frontend === undefined || clusterEndpoints.length === 0) return undefined;
  if (node.nodePortAddresses.every((range) => contains(loopback, range.split('/', 1)[0] ?? ''))) return undefined;
  const own = node.addresses.filter((address) => familyOf(address) === family && !contains(loopback, address));
  const [first, ...alternatives] = own.slice(0, mostAddresses).map((address) => ({ address, port: frontend.port }));
  const title = `NodePort ${frontend.port} of Service ${namespace}/${name} at any address of this node`;
  return first && { ...first, name: title, endpoints: clusterEndpoints, alternatives };
}

/** An API server that goes away just now has not been cut off as long as another one can be reached. */
function apiServerTarget({ current, all }: ServersInUse): Target {
  const alternatives = all.filter((server) => server !== current).map(placeOf);
  return { name: `the API server (${current})`, ...placeOf(current), endpoints: [], alternatives };
}

function placeOf(server: string): Place {
  const { hostname, port, protocol } = new URL(server);
  const address = hostname.replaceAll(/[[\]]/g, '');
  return { address, port: port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port) };
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
    target: {
      ...{ name: `Service ${service} (${address}:${port})`, address, port },
      ...{ endpoints: clusterEndpoints, alternatives: [] },
    },
  };
}
