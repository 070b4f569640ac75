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
  engine_ranges: {
    key: ['address'],
    comment: 'where engines take connections over that a Service has translated; nobody else gets there',
    options: { interval: true },
  },
  listener_ranges: {
    key: ['address'],
    comment: 'where a proxy of this host listens for connections that a Service has translated; nobody else gets there',
    options: { interval: true },
  },
  local_sources: {
    key: ['address'],
    comment: 'ranges of pods: traffic from here is from inside the cluster',
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
  source_policies: { key: frontend, data: 'verdict', comment: 'external addresses: whose source is replaced' },
  node_port_source_policies: { key: nodePort, data: 'verdict', comment: 'NodePorts: whose source is replaced' },
  fast_path_services: { key: frontend, comment: 'whose established connections take the fast path' },
  fast_path_node_ports: { key: nodePort, comment: 'NodePorts whose established connections take the fast path' },
  hairpin: { key: ['address', 'address'], comment: 'endpoints on this node that may reach themselves' },
  learning: { key: ['inet_proto'], data: 'verdict', comment: 'protocols of Services that remember their clients' },
  learners: { key: frontend, data: 'verdict', comment: 'Services that remember their clients (session affinity)' },
  node_port_learners: { key: nodePort, data: 'verdict', comment: 'NodePorts that remember their clients' },
} as const satisfies Record<string, Template>;

/** Name of a set or map without its family, e.g. `services`. */
export type SetName = keyof typeof templates;

/** All of them, in the order in which they are created. */
const setNames = Object.keys(templates) as readonly SetName[];

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

/** The constant sets and maps of both families. @param o.fastPath with those that lead to the fast path */
export function constantSets({ fastPath = false }: { fastPath?: boolean } = {}): SetDefinition[] {
  return [...definitions.values()].filter(({ name }) => fastPath || !name.startsWith('fast_path_'));
}

/** The sets with one counting element for each frontend. */
export const countingSets: readonly { family: Family; definition: SetDefinition }[] = ([4, 6] as const).flatMap(
  (family) =>
    (['service_ports', 'node_ports'] as const).map((name) => ({
      family,
      definition: define(`${name}${family}`, templates[name], family),
    })),
);

/** Clients that one Service port remembers; when full, new clients are balanced but not remembered. */
const affinityCapacity = 1 << 18;

/** Sets that come and go with Service ports, by what stands before the family in their names. */
const roomTemplates = {
  affinity: {
    key: ['address'],
    data: endpoint,
    comment: 'client: the endpoint it stays with',
    // No gc-interval: nft 1.0.6 could not load its own listing of it.
    options: { dynamic: true, timeout: true, size: affinityCapacity },
  },
  live: { key: endpoint, comment: 'endpoints that clients may stay with' },
  affinity_address: {
    key: ['address'],
    data: ['address'],
    comment: 'client: the address of the endpoint it stays with; all have one port',
    options: { dynamic: true, timeout: true, size: affinityCapacity },
  },
  live_address: { key: endpoint, comment: 'endpoints that clients may stay with; all have one port' },
  left: {
    key: endpoint,
    comment: 'endpoints that have left; who stays with one of them is forgotten when it comes again',
    options: { dynamic: true, timeout: true, size: affinityCapacity },
  },
  sources: {
    key: ['address'],
    comment: 'who may connect (loadBalancerSourceRanges)',
    options: { interval: true },
  },
  round_robin_endpoints: { key: [...frontend, 'slot'], data: endpoint, comment: 'endpoints by slot' },
  node_port_round_robin_endpoints: {
    key: [...nodePort, 'slot'],
    data: endpoint,
    comment: 'endpoints of NodePorts by slot',
  },
  round_robin_counts: { key: [...frontend, 'slot'], comment: 'how many slots: which rule draws one' },
  node_port_round_robin_counts: { key: [...nodePort, 'slot'], comment: 'how many slots: which rule draws one' },
} as const satisfies Record<string, Template>;

const roomPattern = /^(?:local_)?((?:node_port_)?(?:local_)?[a-z_]+?)([46])_(\w+)$/;
const isRoomTemplate = (name: string): name is keyof typeof roomTemplates => Object.hasOwn(roomTemplates, name);

/** The definition of a set by its full name (`services4`, `affinity6_1b3c…`); undefined if it is none of ours. */
export function definitionOf(fullName: string): SetDefinition | undefined {
  const constant = definitions.get(fullName);
  if (constant) return constant;
  const [, scoped = '', family] = roomPattern.exec(fullName) ?? [];
  const name = scoped.replace('node_port_local_', 'node_port_');
  if (!isRoomTemplate(name)) return undefined;
  return define(fullName, roomTemplates[name], family === '6' ? 6 : 4);
}

/** What sets of the same kind and family are called together: `live4` of `live4_1b3c…`, `services4` of itself. */
export function templateNameOf(fullName: string): string {
  if (definitions.has(fullName)) return fullName;
  return fullName.replace(/([46])_\w+$/, '$1');
}

/** The definition of a set that is surely ours. */
export function requiredDefinition(fullName: string): SetDefinition {
  const definition = definitionOf(fullName);
  if (!definition) throw new Error(`set ${fullName} is not part of the data plane`);
  return definition;
}

/**
 * Sets that outlive a generation of the table: what has been counted and who is remembered. They hold nothing that
 * leads to a chain.
 */
export function outlivesGenerations({ dynamic, counter }: SetDefinition): boolean {
  return dynamic === true || counter === true;
}

/** Whether a set of ours has this name and outlives generations. */
export function isNameOfOutliving(name: string): boolean {
  const definition = definitionOf(name);
  return definition !== undefined && outlivesGenerations(definition);
}
