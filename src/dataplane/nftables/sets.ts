import type { FieldType, SetDefinition } from '../../nftables/index.ts';
import type { Family } from '../../services/index.ts';

/**
 * The named sets and maps that hold every Service, one of each per IP family. What each is for stands in `comment`,
 * which `nft list ruleset` shows.
 */
interface Template {
  readonly key: readonly (FieldType | 'address')[];
  readonly data?: readonly (FieldType | 'address')[] | 'verdict';
  readonly comment: string;
  readonly options?: Partial<SetDefinition>;
}

const frontend = ['address', 'inet_proto', 'inet_service'] as const;
const nodePort = ['inet_proto', 'inet_service'] as const;
const endpoint = ['address', 'inet_service'] as const;

/** Affinity entries one node can hold; when full, new clients are balanced but not remembered. */
export const affinityCapacity = 1 << 18;

const templates = {
  service_ports: {
    key: frontend,
    comment: 'every address and port of a Service; counts its new connections',
    options: { counter: true },
  },
  services: { key: frontend, data: 'verdict', comment: 'what to do with connections to a Service' },
  endpoints: { key: [...frontend, 'slot'], data: endpoint, comment: 'endpoints by slot' },
  cluster_ips: { key: ['address'], comment: 'ClusterIPs in use' },
  service_cidrs: {
    key: ['address'],
    comment: 'ranges of the ServiceCIDRs; unallocated addresses are dropped',
    options: { interval: true },
  },
  node_port_addresses: {
    key: ['address'],
    comment: 'ranges of node addresses that accept NodePorts',
    options: { interval: true },
  },
  node_ports: { key: nodePort, comment: 'every NodePort; counts its new connections', options: { counter: true } },
  node_port_services: { key: nodePort, data: 'verdict', comment: 'what to do with connections to a NodePort' },
  node_port_endpoints: { key: [...nodePort, 'slot'], data: endpoint, comment: 'endpoints of NodePorts by slot' },
  local_sources: {
    key: ['address'],
    comment: 'ranges of pods: traffic from here is from inside the cluster',
    options: { interval: true },
  },
  source_ranges: {
    key: [...frontend, 'address'],
    comment: 'who may connect to load-balancer addresses that name source ranges',
    options: { interval: true },
  },
  allowed_services: { key: frontend, data: 'verdict', comment: 'continuation after source ranges' },
  cluster_policy: { key: frontend, data: 'verdict', comment: 'externalTrafficPolicy Local, from pods and this host' },
  local_policy: { key: frontend, data: 'verdict', comment: 'externalTrafficPolicy Local, from outside' },
  local_endpoints: { key: [...frontend, 'slot'], data: endpoint, comment: 'endpoints on this node by slot' },
  node_port_cluster_policy: {
    key: nodePort,
    data: 'verdict',
    comment: 'NodePorts with externalTrafficPolicy Local, from pods and this host',
  },
  node_port_local_policy: {
    key: nodePort,
    data: 'verdict',
    comment: 'NodePorts with externalTrafficPolicy Local, from outside',
  },
  node_port_local_endpoints: {
    key: [...nodePort, 'slot'],
    data: endpoint,
    comment: 'endpoints of NodePorts on this node by slot',
  },
  masquerade: { key: frontend, comment: 'external addresses with externalTrafficPolicy Cluster' },
  masquerade_from_host: { key: frontend, comment: 'external addresses with externalTrafficPolicy Local' },
  node_port_masquerade: { key: nodePort, comment: 'NodePorts with externalTrafficPolicy Cluster' },
  node_port_masquerade_from_host: { key: nodePort, comment: 'NodePorts with externalTrafficPolicy Local' },
  hairpin: { key: ['address', 'address'], comment: 'endpoints on this node that may reach themselves' },
  affinity: {
    key: ['address', ...frontend],
    data: endpoint,
    comment: 'client, address, protocol, port: the endpoint this client stays with',
    // No gc-interval: nft 1.0.6 could not load its own listing of it.
    options: { dynamic: true, timeout: true, size: affinityCapacity },
  },
} as const satisfies Record<string, Template>;

/** Name of a set or map without its family, e.g. `services`. */
export type SetName = keyof typeof templates;

/** All of them, in the order in which they are created. */
export const setNames = Object.keys(templates) as readonly SetName[];

const addressTypes = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;

function define(name: string, template: Template, family: Family): SetDefinition {
  const field = (type: FieldType | 'address'): FieldType => (type === 'address' ? addressTypes[family] : type);
  const { key, data, comment, options } = template;
  return {
    name,
    key: key.map(field),
    ...(data === undefined ? {} : { data: data === 'verdict' ? data : data.map(field) }),
    comment,
    ...options,
  };
}

const definitions = new Map<string, SetDefinition>(
  ([4, 6] as const).flatMap((family) =>
    setNames.map((name) => [`${name}${family}`, define(`${name}${family}`, templates[name], family)] as const),
  ),
);

/** The constant sets and maps of both families. */
export function constantSets(): SetDefinition[] {
  return [...definitions.values()];
}

/** The sets with one counting element for each frontend. */
export const countingSets: readonly { family: Family; definition: SetDefinition }[] = ([4, 6] as const).flatMap(
  (family) =>
    (['service_ports', 'node_ports'] as const).map((name) => ({
      family,
      definition: define(`${name}${family}`, templates[name], family),
    })),
);

/**
 * The sets that say which endpoints a client may be remembered for, one pair per distinct affinity timeout: the
 * timeout is part of the rule that learns, so it cannot be looked up.
 */
export function affineSets(family: Family, seconds: number): { service: SetDefinition; nodePort: SetDefinition } {
  const make = (prefix: string, key: Template['key']): SetDefinition =>
    define(
      `${prefix}affine${family}_${seconds}`,
      { key, comment: `endpoints that clients stay with for ${seconds} s` },
      family,
    );
  return {
    service: make('', [...frontend, ...endpoint]),
    nodePort: make('node_port_', [...nodePort, ...endpoint]),
  };
}

const affinePattern = /^(node_port_)?affine([46])_(\d+)$/;

/** The definition of a set by its full name (`services4`, `affine6_10800`); undefined if it is none of ours. */
export function definitionOf(fullName: string): SetDefinition | undefined {
  const constant = definitions.get(fullName);
  if (constant) return constant;
  const live = liveSetOf(fullName);
  if (!live) return undefined;
  const pair = affineSets(live.family, live.seconds);
  return live.nodePort ? pair.nodePort : pair.service;
}

/** What a live set is for, by its name; undefined if it is none. */
export function liveSetOf(name: string): { nodePort: boolean; family: Family; seconds: number } | undefined {
  const match = affinePattern.exec(name);
  return match
    ? { nodePort: match[1] !== undefined, family: match[2] === '6' ? 6 : 4, seconds: Number(match[3]) }
    : undefined;
}

/** The affinity timeouts that sets of these names are for, in a family, ascending. */
export function affineTimeoutsOf(names: Iterable<string>, family: Family): number[] {
  const seconds = new Set<number>();
  for (const name of names) {
    const live = liveSetOf(name);
    if (live?.family === family) seconds.add(live.seconds);
  }
  return [...seconds].sort((a, b) => a - b);
}
