import { algorithmAnnotation, weightAnnotation } from '../../src/services/index.ts';
import type { EndpointSliceObject, Family, ServiceObject } from '../../src/services/index.ts';
import { serviceObject, sliceObject } from '../support/index.ts';
import type { Flow } from '../support/index.ts';

/** What a test says of a Service. */
export interface ServiceChoice {
  /** Last part of its ClusterIPs. */
  readonly number?: number;
  /** The Service's own choice, by our annotation. */
  readonly algorithm?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly affinitySeconds?: number;
  /** For benchmarks: a single port in a single family. Both protocols and families unless said otherwise. */
  readonly only?: { readonly family: Family; readonly protocol: 'tcp' | 'udp' };
}

/** An endpoint by number, with the weight of its slice. */
export interface EndpointChoice {
  readonly endpoint: number;
  readonly weight: number;
}

export function serviceAddress(family: Family, number = 1): string {
  return family === 4 ? `10.96.${number >> 8}.${number & 255}` : `fd00:10:96::${number.toString(16)}`;
}

export function endpointAddress(family: Family, number: number): string {
  return family === 4 ? `10.244.2.${number}` : `fd00:10:244:2::${number.toString(16)}`;
}

/** Client number 0…16383; all of them are pods of the cluster, so their address stays as it is. */
export function clientAddress(family: Family, number: number): string {
  return family === 4 ? `10.244.${64 + (number >> 8)}.${number & 255}` : `fd00:10:244:64::${(number + 1).toString(16)}`;
}

/** Ports 80 for TCP and UDP, ClusterIPs of both families. */
export function serviceOf(name: string, choice: ServiceChoice): ServiceObject {
  const { number = 1, algorithm, annotations, affinitySeconds, only } = choice;
  const clusterIPs = (only ? [only.family] : ([4, 6] as const)).map((family) => serviceAddress(family, number));
  const protocols = only ? [only.protocol] : ['tcp', 'udp'];
  return serviceObject(name, {
    annotations: { ...(algorithm === undefined ? {} : { [algorithmAnnotation]: algorithm }), ...annotations },
    clusterIP: clusterIPs[0] ?? '',
    clusterIPs,
    ports: protocols.map((protocol) => ({ name: protocol, protocol: protocol.toUpperCase(), port: 80 })),
    ...(affinitySeconds === undefined
      ? {}
      : { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: affinitySeconds } } }),
  });
}

/** Slices by name: one per family and weight, endpoints in the order given. */
export function endpointSlices(
  service: string,
  choices: readonly (number | EndpointChoice)[],
  targetPort: number,
): Map<string, EndpointSliceObject> {
  const byWeight = new Map<number | undefined, number[]>();
  for (const choice of choices) {
    const { endpoint, weight } = typeof choice === 'number' ? { endpoint: choice, weight: undefined } : choice;
    byWeight.set(weight, [...(byWeight.get(weight) ?? []), endpoint]);
  }
  const slices = new Map<string, EndpointSliceObject>();
  for (const [weight, endpoints] of byWeight) {
    for (const family of [4, 6] as const) {
      const name = `${service}-ipv${family}-${weight ?? 'default'}`;
      const ready = endpoints.map((number) => ({
        addresses: [endpointAddress(family, number)],
        nodeName: 'node-2',
        conditions: { ready: true, serving: true, terminating: false },
      }));
      const parts = {
        annotations: weight === undefined ? {} : { [weightAnnotation]: String(weight) },
        addressType: `IPv${family}` as const,
        ports: ['tcp', 'udp'].map((port) => ({ name: port, protocol: port.toUpperCase(), port: targetPort })),
      };
      slices.set(name, sliceObject(name, service, ready, parts));
    }
  }
  return slices;
}

/** One flow from each of `count` clients, or `perClient` of them, to a Service. Source ports are fresh. */
export function* flowsOf(count: number, options: FlowOptions = {}): Generator<Flow> {
  const { family = 4, service = 1, clients = count } = options;
  const destination = serviceAddress(family, service);
  for (let flow = 0; flow < count; flow++) {
    const source = clientAddress(family, flow % clients);
    yield { source, sourcePort: 1024 + (Math.floor(flow / clients) % 60_000), destination, port: 80 };
  }
}

export interface FlowOptions {
  readonly family?: Family;
  /** Number of the Service. */
  readonly service?: number;
  /** How many clients share the flows evenly. */
  readonly clients?: number;
}
