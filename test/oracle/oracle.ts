import type {
  Algorithm,
  Endpoint,
  EndpointObject,
  EndpointSliceObject,
  Family,
  Frontend,
  Maybe,
  NodeObject,
  Protocol,
  ServiceObject,
  ServicePort,
  ServicePortSpec,
  ServicesConfig,
  TrafficPolicy,
} from '../../src/services/index.ts';
import { ipFamily, ipText, network, united } from './text.ts';

/**
 * The Kubernetes objects of a moment, by `namespace/name`.
 */
export interface Cluster {
  readonly services: ReadonlyMap<string, ServiceObject>;
  readonly slices: ReadonlyMap<string, EndpointSliceObject>;
  readonly node: NodeObject | undefined;
  readonly config: ServicesConfig;
}

/** A frontend that a Service asked for and another one has. */
export interface Conflict {
  readonly loser: string;
  readonly winner: string;
  readonly frontend: Frontend;
  readonly protocol: Protocol;
  readonly family: Family;
}

export interface Expected {
  /** By id. */
  readonly ports: ReadonlyMap<string, ServicePort>;
  readonly conflicts: readonly Conflict[];
  /** `namespace/name` to port and to the number of local ready endpoints by family. */
  readonly healthChecks: ReadonlyMap<string, { port: number; 4: number; 6: number }>;
}

/**
 * What the forwarding state must be, worked out from nothing, all at once, slowly, by reading
 * docs/reference/service-proxy-behaviour.md, sections 1 to 3, from top to bottom. It shares no code with src/services, only the types.
 */
export function expectedState(cluster: Cluster): Expected {
  const wanted = [...cluster.services].flatMap(([key, service]) => wantedPorts(key, service, cluster.node));
  const ports = new Map<string, ServicePort>();
  const conflicts: Conflict[] = [];
  for (const port of wanted) {
    const won: Frontend[] = [];
    for (const frontend of port.frontends) {
      const winner = winnerOf(frontend, port, wanted);
      if (winner === port) won.push(frontend);
      else
        conflicts.push({ loser: port.key, winner: winner.key, frontend, protocol: port.protocol, family: port.family });
    }
    ports.set(port.id, servicePort(port, won, cluster));
  }
  return { ports, conflicts, healthChecks: healthChecks(cluster) };
}

interface WantedPort {
  readonly id: string;
  readonly key: string;
  readonly service: ServiceObject;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly family: Family;
  readonly frontends: readonly Frontend[];
}

/** A list without the gaps that garbage leaves. */
function list<T>(written: readonly (T | null | undefined)[] | null | undefined): NonNullable<T>[] {
  return (written ?? []).filter((one) => one !== null && one !== undefined);
}

// 4.1 Input selection

function isServed(service: ServiceObject): boolean {
  const labels = service.metadata?.labels ?? {};
  if ('service.kubernetes.io/service-proxy-name' in labels) return false;
  if (service.spec?.type === 'ExternalName') return false;
  const ips = allClusterIps(service);
  return ips.length > 0 && !ips.includes('None');
}

function allClusterIps(service: ServiceObject): unknown[] {
  const list = (service.spec?.clusterIPs ?? []).filter((ip) => ip);
  return list.length > 0 ? list : [service.spec?.clusterIP].filter((ip) => ip);
}

function clusterIp(service: ServiceObject, family: Family): string | undefined {
  return allClusterIps(service)
    .map(ipText)
    .find((ip) => ip !== undefined && ipFamily(ip) === family);
}

function protocolName(written: unknown): Protocol | undefined {
  if (written === undefined || written === null) return 'tcp';
  if (written === 'TCP') return 'tcp';
  if (written === 'UDP') return 'udp';
  return written === 'SCTP' ? 'sctp' : undefined;
}

function possiblePort(port: unknown): port is number {
  return Number.isInteger(port) && (port as number) > 0 && (port as number) < 65536;
}

function wantedPorts(key: string, service: ServiceObject, node: Cluster['node']): WantedPort[] {
  if (!isServed(service)) return [];
  const families = ([4, 6] as const).filter((family) => clusterIp(service, family) !== undefined);
  const found = families.flatMap((family) =>
    list(service.spec?.ports).flatMap((spec) => wantedPort({ key, service, family }, spec, node)),
  );
  return found.filter(({ id }, index) => found.findIndex((other) => other.id === id) === index);
}

function wantedPort(
  { key, service, family }: Pick<WantedPort, 'key' | 'service' | 'family'>,
  spec: ServicePortSpec,
  node: Cluster['node'],
): WantedPort[] {
  const protocol = protocolName(spec.protocol);
  if (!possiblePort(spec.port) || protocol === undefined) return [];
  const portName = spec.name ?? '';
  const id = `${key}:${portName}/${protocol}/${family}`;
  return [
    { id, key, service, portName, protocol, family, frontends: wantedFrontends({ service, family }, spec, node) },
  ];
}

// 4.3 Addresses

function policies(service: ServiceObject): { internal: TrafficPolicy; external: TrafficPolicy } {
  return {
    internal: service.spec?.internalTrafficPolicy === 'Local' ? 'Local' : 'Cluster',
    external: service.spec?.externalTrafficPolicy === 'Local' ? 'Local' : 'Cluster',
  };
}

function wantedFrontends(
  { service, family }: Pick<WantedPort, 'service' | 'family'>,
  spec: ServicePortSpec,
  node: Cluster['node'],
): Frontend[] {
  const { internal, external } = policies(service);
  const port = spec.port ?? 0;
  const ofFamily = (ips: readonly unknown[]): string[] =>
    ips.map(ipText).filter((ip): ip is string => ip !== undefined && ipFamily(ip) === family);
  const ranges = sourceRanges(service, family, node);
  const restriction = ranges === undefined ? {} : { sourceRanges: ranges };
  // A map, so that an address given in several ways is there once; what is set last stays.
  const byAddress = new Map<string, Frontend>();
  for (const address of ofFamily(list(service.spec?.externalIPs))) {
    byAddress.set(address, { kind: 'ExternalIP', address, port, policy: external });
  }
  for (const address of ofFamily(vips(service))) {
    byAddress.set(address, { kind: 'LoadBalancerIP', address, port, policy: external, ...restriction });
  }
  const own = clusterIp(service, family) ?? '';
  byAddress.set(own, { kind: 'ClusterIP', address: own, port, policy: internal });
  const nodePort = spec.nodePort;
  if (!possiblePort(nodePort)) return [...byAddress.values()];
  return [...byAddress.values(), { kind: 'NodePort', port: nodePort, policy: external }];
}

function vips(service: ServiceObject): unknown[] {
  const ingress = list(service.status?.loadBalancer?.ingress);
  return ingress.filter(({ ipMode }) => !ipMode || ipMode === 'VIP').map(({ ip }) => ip);
}

/** Of each family by itself; a node that is admitted may come from the load balancer's own addresses, too. */
function sourceRanges(service: ServiceObject, family: Family, node: Cluster['node']): string[] | undefined {
  const written = service.spec?.loadBalancerSourceRanges ?? [];
  const networks = written.map(network).filter((one) => one?.family === family);
  const ofFamily = networks.filter((one) => one !== undefined);
  if (written.length === 0 || ofFamily.some((one) => one.bits === 0)) return undefined;
  const single = (address: string) => network(`${address}/${family === 4 ? 32 : 128}`);
  const own = list(node?.primaryAddresses).map(single);
  const admitted = own.some(
    (one) => one?.family === family && united([...ofFamily, one]).join() === united(ofFamily).join(),
  );
  const addresses = list(vips(service))
    .map(ipText)
    .filter((ip) => ip !== undefined && ipFamily(ip) === family);
  const more = admitted ? addresses.map((ip) => single(ip ?? '')).filter((one) => one !== undefined) : [];
  return united([...ofFamily, ...more]);
}

/** Who gets an address and port: ClusterIPs first, then the oldest Service, then the first name, then the first id. */
function winnerOf(frontend: Frontend, asking: WantedPort, wanted: readonly WantedPort[]): WantedPort {
  const rivals = wanted
    .filter(({ protocol, family }) => protocol === asking.protocol && family === asking.family)
    .flatMap((port) => port.frontends.filter((other) => samePlace(frontend, other)).map((other) => ({ port, other })))
    .map(({ port, other }) => {
      const created = Date.parse(String(port.service.metadata?.creationTimestamp ?? ''));
      const age = Number.isNaN(created) ? Number.MAX_VALUE : created;
      return { port, rank: [other.kind === 'ClusterIP' ? 0 : 1, age, port.key, port.id] as const };
    });
  rivals.sort((a, b) => {
    const index = a.rank.findIndex((value, at) => value !== b.rank[at]);
    return (a.rank[index] ?? 0) < (b.rank[index] ?? 0) ? -1 : 1;
  });
  return rivals[0]?.port ?? asking;
}

function samePlace(a: Frontend, b: Frontend): boolean {
  const place = (one: Frontend): string => (one.kind === 'NodePort' ? 'this node' : one.address);
  return place(a) === place(b) && a.port === b.port;
}

// 4.2 Choosing endpoints

interface FoundEndpoint {
  readonly endpoint: Endpoint;
  readonly ready: boolean;
  readonly draining: boolean;
  readonly serving: boolean;
  readonly nodes: readonly string[];
  readonly zones: readonly string[];
  /** The smaller, the better it is as the one to keep of several with the same address and port. */
  readonly staleness: number;
}

function servicePort(port: WantedPort, won: Frontend[], cluster: Cluster): ServicePort {
  const [namespace = '', name = ''] = port.key.split('/');
  const algorithm = chosenAlgorithm(port.service) ?? cluster.config.defaultAlgorithm;
  const affinity = affinitySeconds(port.service);
  return {
    id: port.id,
    namespace,
    name,
    portName: port.portName,
    protocol: port.protocol,
    family: port.family,
    frontends: won.sort(byKindAddressPort),
    ...endpointLists(port, cluster),
    algorithm,
    ...(algorithm === 'maglev' ? { maglevTableSize: cluster.config.maglevTableSize } : {}),
    ...ownScheduler(port.service),
    ...(affinity === undefined ? {} : { affinitySeconds: affinity }),
  };
}

type EndpointLists = Pick<
  ServicePort,
  'clusterEndpoints' | 'localEndpoints' | 'otherServingEndpoints' | 'hasAnyEndpoints'
>;

function endpointLists(port: WantedPort, cluster: Cluster): EndpointLists {
  const all = endpointsOf(port, cluster);
  const ready = all.filter((one) => one.ready);
  const draining = all.filter((one) => one.draining);
  const isLocal = (one: FoundEndpoint): boolean => one.endpoint.local;
  const forCluster = ready.length > 0 ? byHints(ready, cluster) : draining;
  const forLocal = ready.some(isLocal) ? ready.filter(isLocal) : draining.filter(isLocal);

  const { internal, external } = policies(port.service);
  const reachableFromOutside = port.frontends.some((one) => one.kind !== 'ClusterIP');
  const usesCluster = internal === 'Cluster' || reachableFromOutside;
  const usesLocal = internal === 'Local' || (external === 'Local' && reachableFromOutside);
  const used = [...(usesCluster ? forCluster : []), ...(usesLocal ? forLocal : [])];
  return {
    clusterEndpoints: usesCluster ? sorted(forCluster) : [],
    localEndpoints: usesLocal ? sorted(forLocal) : [],
    otherServingEndpoints: sorted(all.filter((one) => (one.ready || one.serving) && !used.includes(one))),
    hasAnyEndpoints: ready.length + draining.length > 0,
  };
}

/** PreferSameNode, else PreferSameZone, else all. */
function byHints(ready: readonly FoundEndpoint[], { config, node }: Cluster): readonly FoundEndpoint[] {
  const zone = node?.labels?.['topology.kubernetes.io/zone'];
  const onNode = (one: FoundEndpoint): boolean => one.nodes.includes(config.nodeName);
  const inZone = (one: FoundEndpoint): boolean => zone !== undefined && one.zones.includes(zone);
  if (ready.every((one) => one.nodes.length > 0) && ready.some(onNode)) return ready.filter(onNode);
  if (ready.every((one) => one.zones.length > 0) && ready.some(inZone)) return ready.filter(inZone);
  return ready;
}

function endpointsOf(port: WantedPort, cluster: Cluster): FoundEndpoint[] {
  const best = new Map<string, FoundEndpoint>();
  const inOrder = [...cluster.slices].sort(([a], [b]) => (a < b ? -1 : 1));
  const slices = inOrder.filter(([key, slice]) => belongs(key, slice, port.key, port.family)).map(([, slice]) => slice);
  for (const found of slices.flatMap((slice) => endpointsIn(slice, port, cluster))) {
    const place = `${found.endpoint.address} ${found.endpoint.port}`;
    const other = best.get(place);
    if (other === undefined || found.staleness < other.staleness) best.set(place, found);
  }
  return [...best.values()];
}

function endpointsIn(slice: EndpointSliceObject, port: WantedPort, cluster: Cluster): FoundEndpoint[] {
  const ports = list(slice.ports)
    .filter((spec) => (spec.name ?? '') === port.portName && protocolName(spec.protocol) === port.protocol)
    .map((spec) => spec.port)
    .filter(possiblePort);
  return ports.flatMap((number) =>
    list(slice.endpoints)
      .filter((source) => addressOf(source, port.family) !== undefined)
      .map((source) => readEndpoint(source, slice, number, cluster)),
  );
}

/** Whether a slice is to be followed, of this family and for this Service. */
function belongs(sliceKey: string, slice: EndpointSliceObject, serviceKey: string, family: Family): boolean {
  const labels = slice.metadata?.labels ?? {};
  if ('service.kubernetes.io/headless' in labels || 'service.kubernetes.io/service-proxy-name' in labels) return false;
  const [namespace = ''] = sliceKey.split('/');
  return (
    slice.addressType === `IPv${family}` && `${namespace}/${labels['kubernetes.io/service-name'] ?? ''}` === serviceKey
  );
}

function addressOf(source: EndpointObject, family: Family): string | undefined {
  const address = ipText(source.addresses?.[0]);
  return address !== undefined && ipFamily(address) === family ? address : undefined;
}

function conditionsOf({ conditions }: EndpointObject): { ready: boolean; serving: boolean; terminating: boolean } {
  return {
    ready: conditions?.ready ?? true,
    serving: conditions?.serving ?? true,
    terminating: conditions?.terminating ?? false,
  };
}

function readEndpoint(
  source: EndpointObject,
  slice: EndpointSliceObject,
  port: number,
  { config }: Cluster,
): FoundEndpoint {
  const address = ipText(source.addresses?.[0]) ?? '';
  const { ready, serving, terminating } = conditionsOf(source);
  return {
    endpoint: {
      ...{ address, port, local: source.nodeName === config.nodeName, weight: weightOf(slice) },
      ...(source.nodeName ? {} : { maybeLocal: true }),
    },
    ready,
    draining: serving && terminating,
    serving,
    nodes: names(source.hints?.forNodes),
    zones: names(source.hints?.forZones),
    staleness: (terminating ? 4 : 0) + (ready ? 0 : 2) + (serving ? 0 : 1),
  };
}

function names(hints: Maybe<readonly Maybe<{ readonly name?: Maybe<string> }>[]>): string[] {
  return list(hints)
    .map(({ name }) => name ?? '')
    .filter((name) => name !== '');
}

function weightOf(slice: EndpointSliceObject): number {
  const written = slice.metadata?.annotations?.['nftproxy.io/weight'];
  const good = written !== undefined && /^\s*\d{1,3}\s*$/.test(written) && Number(written) <= 256;
  return good ? Number(written) : 1;
}

function sorted(found: readonly FoundEndpoint[]): Endpoint[] {
  const endpoints = found.map(({ endpoint }) => endpoint);
  return endpoints.sort((a, b) => (a.address === b.address ? a.port - b.port : a.address < b.address ? -1 : 1));
}

function byKindAddressPort(a: Frontend, b: Frontend): number {
  const text = (one: Frontend): string => `${one.kind} ${one.kind === 'NodePort' ? '' : one.address}`;
  return text(a) === text(b) ? a.port - b.port : text(a) < text(b) ? -1 : 1;
}

// Algorithm, affinity, health checks

const meanings: Readonly<Record<string, Algorithm>> = {
  random: 'random',
  'round-robin': 'round-robin',
  rr: 'round-robin',
  wrr: 'round-robin',
  'source-hash': 'source-hash',
  sh: 'source-hash',
  dh: 'source-hash',
  maglev: 'maglev',
  mh: 'maglev',
  'least-connections': 'least-connections',
  lc: 'least-connections',
  wlc: 'least-connections',
  sed: 'least-connections',
  nq: 'least-connections',
};

function wordFor(service: ServiceObject): string {
  const annotations = service.metadata?.annotations ?? {};
  return annotations['nftproxy.io/algorithm'] ?? annotations['kube-router.io/service.scheduler'] ?? '';
}

function chosenAlgorithm(service: ServiceObject): Algorithm | undefined {
  return meanings[wordFor(service)];
}

/** Where our words and those of IPVS differ; `random` has none. */
const schedulers: Readonly<Record<string, ServicePort['scheduler']>> = {
  random: 'none',
  'round-robin': 'wrr',
  'source-hash': 'sh',
  maglev: 'mh',
  'least-connections': 'wlc',
};
const ofIpvs = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'sh', 'dh', 'sed', 'nq', 'fo', 'ovf', 'mh', 'twos'] as const;

function ownScheduler(service: ServiceObject): Pick<ServicePort, 'scheduler'> {
  const word = wordFor(service);
  const scheduler = schedulers[word] ?? ofIpvs.find((each) => each === word);
  return scheduler ? { scheduler } : {};
}

function affinitySeconds(service: ServiceObject): number | undefined {
  if (service.spec?.sessionAffinity !== 'ClientIP') return undefined;
  const seconds = service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800;
  return Number.isInteger(seconds) && seconds >= 1 && seconds <= 86400 ? seconds : 10800;
}

function healthChecks(cluster: Cluster): Map<string, { port: number; 4: number; 6: number }> {
  const result = new Map<string, { port: number; 4: number; 6: number }>();
  for (const [key, service] of cluster.services) {
    const { type, externalTrafficPolicy, healthCheckNodePort } = service.spec ?? {};
    const asked = isServed(service) && type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
    if (!asked || !possiblePort(healthCheckNodePort)) continue;
    const count = (family: Family): number =>
      clusterIp(service, family) === undefined ? 0 : localReady(key, family, cluster).size;
    result.set(key, { port: healthCheckNodePort, 4: count(4), 6: count(6) });
  }
  return result;
}

function localReady(key: string, family: Family, cluster: Cluster): Set<string> {
  const slices = [...cluster.slices]
    .filter(([sliceKey, slice]) => belongs(sliceKey, slice, key, family))
    .map(([, slice]) => slice)
    .filter((slice) => weightOf(slice) > 0)
    .filter(({ ports }) => list(ports).some((one) => possiblePort(one.port) && protocolName(one.protocol)));
  const local = slices
    .flatMap(({ endpoints }) => list(endpoints))
    .filter((source) => source.nodeName === cluster.config.nodeName && conditionsOf(source).ready);
  return new Set(local.map((source) => addressOf(source, family)).filter((address) => address !== undefined));
}
