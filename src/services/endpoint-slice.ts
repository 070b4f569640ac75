import { addressFault, canonicalAddress, familyOf } from '../ip/index.ts';
import type { Interner } from './interner.ts';
import type { EndpointObject, EndpointPortObject, EndpointSliceObject, Maybe } from './objects.ts';
import { compact, compareText, flat, items, portNumber, protocolOf, text } from './read.ts';
import { ProblemCollector, quote } from './reasons.ts';
import { proxyNameLabel } from './service.ts';
import type { Family, Problem, Protocol } from './types.ts';

const serviceNameLabel = 'kubernetes.io/service-name';
const headlessLabel = 'service.kubernetes.io/headless';

/** Annotation on an EndpointSlice: the weight of all its endpoints, 0-256. */
export const weightAnnotation = 'nftproxy.io/weight';

/** One endpoint of a slice. There may be hundreds of thousands, so it is small and always of the same shape. */
export interface SliceEndpoint {
  readonly address: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** '' if unknown. */
  readonly nodeName: string;
  readonly nodeHints: readonly string[];
  readonly zoneHints: readonly string[];
}

export interface SlicePort {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
}

/** An EndpointSlice of a Service, reduced to what decides forwarding. */
export interface ParsedSlice {
  /** `namespace/name` of the slice. */
  readonly key: string;
  /** `namespace/name` of its Service. */
  readonly serviceKey: string;
  readonly family: Family;
  readonly weight: number;
  /** Those with a number. */
  readonly ports: readonly SlicePort[];
  /** Sorted by address. */
  readonly endpoints: readonly SliceEndpoint[];
  readonly problems: readonly Problem[];
}

const families: ReadonlyMap<unknown, Family> = new Map<unknown, Family>([
  ['IPv4', 4],
  ['IPv6', 6],
]);

/**
 * Reads an EndpointSlice.
 *
 * @param key `namespace/name` of the slice
 * @returns undefined for a slice that is of no interest: of no Service, of a headless one, of another proxy's, or
 *   with names for addresses (FQDN)
 */
export function parseEndpointSlice(key: string, slice: EndpointSliceObject, names: Interner): ParsedSlice | undefined {
  const service = serviceOf(slice);
  if (service === '') return undefined;
  const slash = key.indexOf('/');
  const namespace = key.slice(0, slash);
  const collector = new ProblemCollector('EndpointSlice', namespace, key.slice(slash + 1));
  const family = readFamily(slice.addressType, collector);
  return {
    key,
    serviceKey: flat(namespace, '/', service),
    family: family ?? 4,
    weight: readWeight(slice, collector),
    ports: readPorts(items(slice.ports), collector),
    endpoints: family === undefined ? [] : readEndpoints(items(slice.endpoints), family, names, collector),
    problems: collector.problems,
  };
}

/** The name of the Service to which the slice belongs; '' if it is of no interest. */
function serviceOf({ metadata, addressType }: EndpointSliceObject): string {
  const labels = metadata?.labels;
  const ignored = labels?.[headlessLabel] !== undefined || labels?.[proxyNameLabel] !== undefined;
  return ignored || addressType === 'FQDN' ? '' : text(labels?.[serviceNameLabel]);
}

function readFamily(addressType: unknown, collector: ProblemCollector): Family | undefined {
  const family = families.get(addressType);
  if (family === undefined) {
    const type = quote(addressType);
    collector.report('InvalidValue', `addressType ${type} is neither IPv4 nor IPv6; the slice is left out`);
  }
  return family;
}

function readWeight(slice: EndpointSliceObject, collector: ProblemCollector): number {
  const value = slice.metadata?.annotations?.[weightAnnotation];
  if (value === undefined) return 1;
  const weight = /^\d{1,3}$/.test(text(value).trim()) ? Number(value) : NaN;
  if (weight <= 256) return weight;
  collector.report(
    'InvalidWeight',
    `annotation ${weightAnnotation}: ${quote(value)} is not an integer from 0 to 256; 1 is used`,
  );
  return 1;
}

function readPorts(ports: readonly Maybe<EndpointPortObject>[], collector: ProblemCollector): readonly SlicePort[] {
  const good: SlicePort[] = [];
  const bad: unknown[] = [];
  for (const spec of ports) {
    // A port without a number stands for all ports; a Service proxy has nothing to do for it.
    if (!spec?.port) continue;
    const port = portNumber(spec.port);
    const protocol = protocolOf(spec.protocol);
    if (port === undefined || protocol === undefined) bad.push({ port: spec.port, protocol: spec.protocol });
    else good.push({ name: text(spec.name), protocol, port });
  }
  collector.reportAll('InvalidPort', bad, (first) => `port ${first} is impossible and is left out`);
  return compact(good);
}

function readEndpoints(
  endpoints: readonly Maybe<EndpointObject>[],
  family: Family,
  names: Interner,
  collector: ProblemCollector,
): readonly SliceEndpoint[] {
  const good: SliceEndpoint[] = [];
  const bad: unknown[] = [];
  for (const endpoint of endpoints) {
    // The others of the list are of no meaning to a proxy (and nobody sets them).
    const written = items(endpoint?.addresses)[0];
    const address = canonicalAddress(text(written));
    if (address === undefined || familyOf(address) !== family) bad.push(written);
    else good.push(readEndpoint(address, endpoint ?? {}, names));
  }
  const fault = addressFault(text(bad[0])) ?? `is not an IPv${family} address`;
  collector.reportAll('InvalidAddress', bad, (first) => `address ${first} ${fault}; its endpoint is left out`);
  return compact(good.sort((a, b) => compareText(a.address, b.address)));
}

function readEndpoint(address: string, endpoint: EndpointObject, names: Interner): SliceEndpoint {
  const conditions = endpoint.conditions ?? {};
  return {
    address,
    ready: readCondition(conditions.ready, true),
    serving: readCondition(conditions.serving, true),
    terminating: readCondition(conditions.terminating, false),
    nodeName: names.intern(text(endpoint.nodeName)),
    nodeHints: readHints(endpoint.hints?.forNodes, names),
    zoneHints: readHints(endpoint.hints?.forZones, names),
  };
}

function readCondition(value: unknown, ifMissing: boolean): boolean {
  return value === undefined || value === null ? ifMissing : value === true;
}

function readHints(
  hints: Maybe<readonly Maybe<{ readonly name?: Maybe<string> }>[]>,
  names: Interner,
): readonly string[] {
  const found = items(hints).map((hint) => text(hint?.name));
  const used = found.filter((name) => name !== '').map((name) => names.intern(name));
  return compact(used);
}
