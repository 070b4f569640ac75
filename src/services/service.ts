import { algorithmAnnotation, algorithmNamed, kubeRouterAnnotation } from './algorithms.ts';
import type { NamedAlgorithm } from './algorithms.ts';
import { proxiedBy, readEngine, readHashHeader, readSlowStart } from './engine-choice.ts';
import type { Annotations, EngineChoice } from './engine-choice.ts';
import { addressFault, canonicalAddress, familyOf } from '../ip/index.ts';
import type { Maybe, ServiceObject, ServicePortSpec, ServiceSpec } from './objects.ts';
import { compact, compareText, items, portNumber, protocolOf, text, wholeNumber } from './read.ts';
import { makeProblem, ProblemCollector, quote } from './reasons.ts';
import { readSourceRanges } from './source-ranges.ts';
import type { SourceRanges } from './source-ranges.ts';
import type { Family, Problem, Protocol, ProxyChoice, TrafficPolicy } from './types.ts';

/** Presence of this label, whatever its value, hands a Service to another proxy. */
export const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';

/** What Kubernetes uses for ClientIP affinity without a timeout: three hours. */
const defaultAffinitySeconds = 10800;

/** A port of a Service, checked. */
export interface ParsedPort {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** 0 for none. */
  readonly nodePort: number;
  /** How a proxy is to pass it on, by its `appProtocol`; undefined if it has none. */
  readonly proxied: ProxyChoice['protocol'] | undefined;
}

/** A Service that this proxy serves, reduced to what decides forwarding; every value is checked and canonical. */
export interface ParsedService {
  /** `namespace/name` */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** Creation time in milliseconds since 1970; infinite if unknown, so that such a Service displaces nobody. */
  readonly created: number;
  /** At most one address for each family, in the order of the Service. */
  readonly clusterIps: readonly { readonly family: Family; readonly address: string }[];
  readonly ports: readonly ParsedPort[];
  /** Of all families; those without a ClusterIP are passed over later. */
  readonly externalIps: readonly string[];
  readonly loadBalancerIps: readonly string[];
  /** Who may connect to the load-balancer addresses; undefined admits everybody. */
  readonly sourceRanges: SourceRanges | undefined;
  readonly internalPolicy: TrafficPolicy;
  readonly externalPolicy: TrafficPolicy;
  readonly affinitySeconds: number | undefined;
  /** undefined leaves the choice to the configuration. */
  readonly algorithm: NamedAlgorithm | undefined;
  /** undefined leaves the choice to the configuration. */
  readonly engine: EngineChoice | undefined;
  /** Header by which a proxy is to choose; undefined if it is not said. */
  readonly hashHeader: string | undefined;
  /** Seconds until a new endpoint has its whole share of a proxy's; undefined: at once. */
  readonly slowStartSeconds: number | undefined;
  /** 0 for none. */
  readonly healthCheckNodePort: number;
  readonly problems: readonly Problem[];
  /** What is a problem as long as IPVS does not serve it. */
  readonly problemWithoutIpvs: Problem | undefined;
}

/**
 * Reads a Service.
 *
 * @param key `namespace/name`
 * @returns undefined for a Service that no proxy, or another proxy, serves: ExternalName, headless, labelled with
 *   service.kubernetes.io/service-proxy-name. Whatever cannot be honoured becomes a Problem, and the rest is kept.
 */
export function parseService(key: string, service: ServiceObject): ParsedService | undefined {
  const spec = service.spec ?? {};
  if (!isServed(service, spec)) return undefined;
  const slash = key.indexOf('/');
  const namespace = key.slice(0, slash);
  const name = key.slice(slash + 1);
  const collector = new ProblemCollector('Service', namespace, name);
  const externalPolicy = readPolicy('externalTrafficPolicy', spec.externalTrafficPolicy, collector);
  const addresses = readAddresses(service, spec, collector);
  const { annotations } = service.metadata ?? {};
  const algorithm = readAlgorithm(annotations, collector);
  const ports = readPorts(spec, collector);
  const affinitySeconds = readAffinity(spec, collector);
  const engine = readEngine(annotations, collector);
  const knowsRequests = ports.some(({ protocol, proxied }) => protocol === 'tcp' && isHttp(proxied ?? engine?.proxied));
  return {
    key,
    namespace,
    name,
    created: readTime(service.metadata?.creationTimestamp),
    ...addresses,
    ports,
    sourceRanges: readSourceRanges(spec.loadBalancerSourceRanges, addresses, collector),
    internalPolicy: readPolicy('internalTrafficPolicy', spec.internalTrafficPolicy, collector),
    externalPolicy,
    affinitySeconds,
    algorithm: algorithm?.named,
    engine,
    hashHeader: readHashHeader(annotations, { affinitySeconds, knowsRequests }, collector),
    slowStartSeconds: readSlowStart(annotations, collector),
    healthCheckNodePort: readHealthCheckNodePort(spec, externalPolicy, collector),
    problems: collector.problems,
    problemWithoutIpvs:
      algorithm && algorithm.named.algorithm === undefined
        ? makeProblem({ kind: 'Service', namespace, name }, 'UnknownAlgorithm', algorithm.message)
        : undefined,
  };
}

function isHttp(protocol: ProxyChoice['protocol'] = 'tcp'): boolean {
  return protocol !== 'tcp';
}

/** Order in which Services may claim an address: the oldest first, then by `namespace/name`. */
export function compareAge(a: ParsedService, b: ParsedService): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return compareText(a.key, b.key);
}

function isServed(service: ServiceObject, spec: ServiceSpec): boolean {
  if (service.metadata?.labels?.[proxyNameLabel] !== undefined) return false;
  if (spec.type === 'ExternalName') return false;
  const addresses = clusterIpTexts(spec);
  return addresses.length > 0 && !addresses.includes('None');
}

function clusterIpTexts(spec: ServiceSpec): readonly string[] {
  const all = items(spec.clusterIPs).map(text);
  return (all.length > 0 ? all : [text(spec.clusterIP)]).filter((address) => address !== '');
}

function readTime(value: Maybe<string | Date>): number {
  const time = value instanceof Date ? value.getTime() : Date.parse(text(value));
  return Number.isNaN(time) ? Infinity : time;
}

type Addresses = Pick<ParsedService, 'clusterIps' | 'externalIps' | 'loadBalancerIps'>;

function readAddresses(service: ServiceObject, spec: ServiceSpec, collector: ProblemCollector): Addresses {
  const clusterIps = readIps('ClusterIP', clusterIpTexts(spec), collector)
    .map((address) => ({ family: familyOf(address), address }))
    .filter(({ family }, index, all) => all.findIndex((other) => other.family === family) === index);
  const ingress = items(service.status?.loadBalancer?.ingress)
    // Mode Proxy: the load balancer wants to see the traffic, it must not be short-circuited on the node.
    .filter((entry) => (entry?.ipMode ?? 'VIP') === 'VIP')
    .map((entry) => text(entry?.ip))
    // An entry with only a hostname.
    .filter((ip) => ip !== '');
  return {
    clusterIps: compact(clusterIps),
    externalIps: readIps('external IP', items(spec.externalIPs), collector),
    loadBalancerIps: readIps('load-balancer IP', ingress, collector),
  };
}

function readIps(what: string, list: readonly unknown[], collector: ProblemCollector): readonly string[] {
  const good = new Set<string>();
  const bad: unknown[] = [];
  for (const value of list) {
    const address = canonicalAddress(text(value));
    if (address === undefined) bad.push(value);
    else good.add(address);
  }
  const fault = addressFault(text(bad[0])) ?? '';
  collector.reportAll('InvalidAddress', bad, (first) => `${what} ${first} ${fault}; it is left out`);
  return compact([...good]);
}

function readPorts(spec: ServiceSpec, collector: ProblemCollector): readonly ParsedPort[] {
  const ports: ParsedPort[] = [];
  for (const port of items(spec.ports)) {
    const parsed = readPort(port, collector);
    if (parsed === undefined) continue;
    if (ports.some((other) => other.name === parsed.name && other.protocol === parsed.protocol)) {
      collector.report('InvalidPort', `port ${describePort(port)} is there twice; the first is used`);
    } else {
      ports.push(parsed);
    }
  }
  return compact(ports);
}

function readPort(spec: Maybe<ServicePortSpec>, collector: ProblemCollector): ParsedPort | undefined {
  const port = portNumber(spec?.port);
  const protocol = protocolOf(spec?.protocol);
  if (port === undefined || protocol === undefined) {
    collector.report(
      'InvalidPort',
      `port ${describePort(spec)} is left out: it needs a number from 1 to 65535 and the protocol TCP, UDP or SCTP`,
    );
    return undefined;
  }
  const nodePort = readNodePort(spec, collector);
  return { name: text(spec?.name), protocol, port, nodePort, proxied: proxiedBy(spec?.appProtocol) };
}

function readNodePort(spec: Maybe<ServicePortSpec>, collector: ProblemCollector): number {
  const nodePort = wholeNumber(spec?.nodePort ?? 0, 0, 65535);
  if (nodePort === undefined) {
    collector.report('InvalidPort', `node port ${quote(spec?.nodePort)} of port ${describePort(spec)} is left out`);
  }
  return nodePort ?? 0;
}

function describePort(spec: Maybe<ServicePortSpec>): string {
  return `${quote(text(spec?.name))} ${quote(spec?.port)}/${quote(spec?.protocol ?? 'TCP')}`;
}

// '' is how typed clients of other languages write a policy that is not set.
const clusterPolicies: ReadonlySet<unknown> = new Set([undefined, null, '', 'Cluster']);

function readPolicy(field: string, value: unknown, collector: ProblemCollector): TrafficPolicy {
  if (value === 'Local') return 'Local';
  if (!clusterPolicies.has(value)) {
    collector.report('InvalidValue', `${field} ${quote(value)} is neither Cluster nor Local; Cluster is used`);
  }
  return 'Cluster';
}

function readAffinity(spec: ServiceSpec, collector: ProblemCollector): number | undefined {
  const affinity = spec.sessionAffinity ?? '';
  if (affinity !== 'ClientIP') {
    if (affinity !== '' && affinity !== 'None') {
      collector.report('InvalidValue', `sessionAffinity ${quote(affinity)} is neither ClientIP nor None; None is used`);
    }
    return undefined;
  }
  const wanted = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds;
  const seconds = wholeNumber(wanted, 1, 86400);
  if (seconds === undefined) {
    collector.report(
      'InvalidValue',
      `session affinity timeout ${quote(wanted)} is not an integer from 1 to 86400; ${defaultAffinitySeconds} is used`,
    );
  }
  return seconds ?? defaultAffinitySeconds;
}

/** What the annotation stands for, and what is to be said where only IPVS has it; undefined if nobody has. */
function readAlgorithm(
  annotations: Annotations,
  collector: ProblemCollector,
): { named: NamedAlgorithm; message: string } | undefined {
  const annotation = [algorithmAnnotation, kubeRouterAnnotation].find((name) => annotations?.[name] !== undefined);
  if (annotation === undefined) return undefined;
  const value = annotations?.[annotation];
  const named = algorithmNamed(text(value));
  const message = `annotation ${annotation}: ${quote(value)} is no algorithm that nftproxy has; the default is used`;
  if (named === undefined) collector.report('UnknownAlgorithm', message);
  return named && { named, message };
}

function readHealthCheckNodePort(
  spec: ServiceSpec,
  externalPolicy: TrafficPolicy,
  collector: ProblemCollector,
): number {
  if (spec.type !== 'LoadBalancer' || externalPolicy !== 'Local') return 0;
  const port = wholeNumber(spec.healthCheckNodePort ?? 0, 0, 65535);
  if (port === undefined) {
    collector.report('InvalidPort', `healthCheckNodePort ${quote(spec.healthCheckNodePort)} is left out`);
  }
  return port ?? 0;
}
