import fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { algorithms } from '../../src/services/index.ts';
import type {
  EndpointObject,
  EndpointPortObject,
  EndpointSliceObject,
  NodeObject,
  ServiceObject,
  ServicePortSpec,
  ServicesConfig,
} from '../../src/services/index.ts';
import type { Cluster } from './oracle.ts';

/**
 * Kubernetes objects out of a small world: so few names, addresses and ports that conflicts, moves between Services,
 * duplicates and changes of family come up all the time; and some garbage, because anybody writes these objects.
 */

/** One thing that the agent may learn. */
export type Event =
  | { readonly kind: 'Service'; readonly key: string; readonly object: ServiceObject | undefined }
  | { readonly kind: 'EndpointSlice'; readonly key: string; readonly object: EndpointSliceObject | undefined }
  | { readonly kind: 'Node'; readonly object: NodeObject | undefined }
  | { readonly kind: 'Config'; readonly object: ServicesConfig };

export const serviceKeys = ['a/web', 'a/api', 'b/web', 'a-b/web'] as const;
export const sliceKeys = ['a/one', 'a/two', 'a/three', 'a/four', 'b/one'] as const;
export const nodeNames = ['node-1', 'node-2'] as const;
export const zones = ['east', 'west'] as const;

/** Rare enough that an object with many such fields is still whole as often as not. */
function mostly<T>(usual: Arbitrary<T>, odd: Arbitrary<T>): Arbitrary<T> {
  return fc.oneof({ weight: 14, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

// One name and protocol more often than others: a Service port has endpoints only if both sides agree in both.
const portName = fc.oneof({ weight: 8, arbitrary: fc.constant('http') }, fc.constantFrom('', 'dns'));
const protocol = fc.oneof({ weight: 8, arbitrary: fc.constant('TCP') }, fc.constantFrom('UDP', 'SCTP'));

const clusterIPs = mostly<(string | null)[]>(
  fc.constantFrom(
    ['10.96.0.1'],
    ['10.96.0.2'],
    ['10.96.0.3'],
    ['10.96.0.4'],
    ['10.96.0.1', 'fd00::1'],
    ['10.96.0.2', 'fd00::2'],
    ['fd00::3', '10.96.0.3'],
    ['fd00::1'],
  ),
  fc.constantFrom(['None'], [], [''], ['10.96.0.999'], ['10.96.00.01', 'FD00:0:0::0001'], [null, '10.96.0.1']),
);

const ports = fc.array(
  mostly<ServicePortSpec | null>(
    fc.record(
      {
        name: portName,
        protocol,
        port: fc.constantFrom(80, 80, 443),
        nodePort: fc.constantFrom(0, 0, 30080, 30081),
      },
      { requiredKeys: ['name', 'port'] },
    ),
    fc.constantFrom(
      null,
      { port: 0 },
      { port: 65536 },
      { port: 80.5 },
      { port: 80, protocol: 'ICMP' },
      { port: 80, nodePort: 70000 },
      { port: 80, nodePort: -1 },
      { name: 'http', port: 8080 },
    ),
  ),
  { minLength: 1, maxLength: 3 },
);

const publicIps = fc.array(
  mostly<string | null>(
    fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1', '10.96.0.1', 'fd00::1'),
    fc.constantFrom('192.0.2.001', '2001:DB8:0::1', '::ffff:192.0.2.1', 'nonsense', '192.0.2', 'fe80::1%eth0', null),
  ),
  { maxLength: 3 },
);

const ingress = fc.array(
  fc.oneof(
    fc.record(
      {
        ip: fc.constantFrom('192.0.2.1', '192.0.2.9', '2001:db8::9', '10.96.0.2', 'bad'),
        ipMode: fc.constantFrom('VIP', 'Proxy'),
      },
      { requiredKeys: ['ip'] },
    ),
    fc.constantFrom(null, {}),
  ),
  { maxLength: 2 },
);

const sourceRanges = fc.array(
  mostly<string | null>(
    fc.constantFrom(
      '10.0.0.0/8',
      ' 10.1.2.3/16',
      '203.0.113.0/24 ',
      '203.0.112.0/24',
      '2001:db8:1::/48',
      '2001:db8:1:2::1/64',
    ),
    fc.constantFrom(
      '0.0.0.0/0',
      '::/0',
      'bad',
      '10.0.0.0',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10.1.2.3/32',
      '::ffff:10.0.0.0/104',
      null,
    ),
  ),
  { maxLength: 3 },
);

const algorithmWords = fc.constantFrom<string>(...algorithms, 'rr', 'wlc', 'mh', 'dh', 'ovf', 'fastest', '');
const policies = mostly(fc.constantFrom('Cluster', 'Local'), fc.constantFrom('', 'Sideways'));
const times = fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z', '2025-12-31T23:59:59Z', 'yesterday');

/** A Service of any type, with any of the fields that matter. */
export const serviceObject: Arbitrary<ServiceObject> = fc.record({
  metadata: fc.record(
    {
      creationTimestamp: times,
      labels: mostly<Record<string, string>>(
        fc.constant({}),
        fc.constant({ 'service.kubernetes.io/service-proxy-name': '' }),
      ),
      annotations: mostly<Record<string, string>>(
        fc.constant({}),
        fc.record(
          { 'nftproxy.io/algorithm': algorithmWords, 'kube-router.io/service.scheduler': algorithmWords },
          { requiredKeys: [] },
        ),
      ),
    },
    { requiredKeys: [] },
  ),
  spec: fc.record(
    {
      type: mostly(
        fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'LoadBalancer'),
        fc.constant('ExternalName'),
      ),
      clusterIPs,
      ports,
      externalIPs: publicIps,
      loadBalancerSourceRanges: sourceRanges,
      internalTrafficPolicy: policies,
      externalTrafficPolicy: policies,
      healthCheckNodePort: mostly(fc.constantFrom(32000, 32001), fc.constantFrom(0, 99999)),
      sessionAffinity: fc.constantFrom('ClientIP', 'None', ''),
      sessionAffinityConfig: fc.constantFrom(
        null,
        {},
        { clientIP: { timeoutSeconds: 60 } },
        { clientIP: { timeoutSeconds: 0 } },
      ),
    },
    { requiredKeys: ['clusterIPs', 'ports'] },
  ),
  status: fc.record({ loadBalancer: fc.record({ ingress }) }),
});

const conditions = fc.constantFrom<EndpointObject['conditions'][]>(
  undefined,
  {},
  { ready: true, serving: true, terminating: false },
  { ready: true, serving: null, terminating: null },
  { ready: false, serving: false, terminating: false },
  { ready: false, serving: true, terminating: true },
  { ready: false, serving: true, terminating: true },
  { ready: false, serving: false, terminating: true },
  { ready: true, serving: true, terminating: true },
);

const nodeHints = fc.constantFrom(null, [], [{ name: nodeNames[0] }], [{ name: nodeNames[1] }, null]);
const zoneHints = fc.constantFrom([{ name: zones[0] }], [{ name: zones[0] }, { name: zones[1] }], [{ name: zones[1] }]);

// Hints count only if all ready endpoints have them, so a slice has them at most of its endpoints or at none.
const hintStyles: readonly Arbitrary<EndpointObject['hints']>[] = [
  fc.constant(undefined),
  fc.record({ forZones: zoneHints }),
  fc.record({ forZones: zoneHints, forNodes: nodeHints }),
  mostly<EndpointObject['hints']>(
    fc.record({ forNodes: fc.constantFrom([{ name: nodeNames[0] }], [{ name: nodeNames[1] }]) }),
    fc.constantFrom({}, { forZones: [{ name: '' }] }),
  ),
];

const goodAddresses: Readonly<Record<'IPv4' | 'IPv6', Arbitrary<string[]>>> = {
  IPv4: fc.constantFrom(['10.0.0.1'], ['10.0.0.2'], ['10.0.0.3'], ['10.0.0.4'], ['10.0.0.10']),
  IPv6: fc.constantFrom(['fd01::1'], ['fd01::2'], ['fd01::3'], ['fd01:0:1::']),
};
const oddAddresses = fc.constantFrom<(string | null)[]>(
  ['10.0.0.010'],
  ['10.0.0.2', '10.0.0.9'],
  ['FD01:0::1'],
  ['300.0.0.1'],
  ['::ffff:10.0.0.3'],
  [],
  [null],
);

function endpointObject(type: 'IPv4' | 'IPv6', hints: Arbitrary<EndpointObject['hints']>): Arbitrary<EndpointObject> {
  return fc.record(
    {
      addresses: mostly<(string | null)[]>(goodAddresses[type], oddAddresses),
      conditions,
      nodeName: fc.constantFrom<string>(...nodeNames),
      hints,
    },
    { requiredKeys: ['addresses', 'conditions', 'hints'] },
  );
}

const sliceMetadata = fc.record({
  labels: mostly<Record<string, string>>(
    fc.constantFrom('web', 'web', 'api').map((name) => ({ 'kubernetes.io/service-name': name })),
    fc.constantFrom<Record<string, string>>(
      {},
      { 'kubernetes.io/service-name': 'web', 'service.kubernetes.io/headless': '' },
      { 'kubernetes.io/service-name': 'web', 'service.kubernetes.io/service-proxy-name': 'other' },
    ),
  ),
  annotations: fc.constantFrom<Record<string, string>>(
    {},
    {},
    {},
    ...['0', '7', ' 256 ', '257', '-1', 'heavy'].map((weight) => ({ 'nftproxy.io/weight': weight })),
  ),
});

const slicePorts = fc.array(
  mostly<EndpointPortObject | null>(
    fc.record({ name: portName, protocol, port: fc.constantFrom(8080, 8080, 8081) }),
    fc.constantFrom(null, { name: 'http' }, { port: 8080 }, { name: '', port: 0 }, { name: '', port: 70000 }),
  ),
  { minLength: 1, maxLength: 3 },
);

function sliceObject(type: 'IPv4' | 'IPv6', hints: Arbitrary<EndpointObject['hints']>): Arbitrary<EndpointSliceObject> {
  const endpoints = mostly<EndpointObject | null>(endpointObject(type, hints), fc.constant(null));
  return fc.record({
    metadata: sliceMetadata,
    addressType: mostly<string>(fc.constant(type), fc.constantFrom('FQDN', 'IPX')),
    ports: slicePorts,
    endpoints: fc.array(endpoints, { minLength: 1, maxLength: 5 }),
  });
}

/** An EndpointSlice of any of the Services in its namespace, or of none; more often of IPv4. */
export const endpointSliceObject: Arbitrary<EndpointSliceObject> = fc.oneof(
  ...hintStyles.map((hints) => ({ weight: 2, arbitrary: sliceObject('IPv4', hints) })),
  ...hintStyles.map((hints) => ({ weight: 1, arbitrary: sliceObject('IPv6', hints) })),
);

export const nodeObject: Arbitrary<NodeObject | undefined> = fc.constantFrom(
  undefined,
  {},
  { labels: { 'topology.kubernetes.io/zone': zones[0] } },
  { labels: { 'topology.kubernetes.io/zone': zones[1] }, primaryAddresses: ['203.0.113.5', '2001:db8:1::5'] },
  { primaryAddresses: ['10.1.0.5'] },
);

export const servicesConfig: Arbitrary<ServicesConfig> = fc.record({
  defaultAlgorithm: fc.constantFrom(...algorithms),
  maglevTableSize: fc.constantFrom(251, 1021),
  nodeName: fc.constantFrom(...nodeNames),
});

/** Something happens: mostly to Services and EndpointSlices, one time in eight one of them goes. */
export const event: Arbitrary<Event> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant('Service' as const),
      key: fc.constantFrom(...serviceKeys),
      object: fc.option(serviceObject, { nil: undefined, freq: 8 }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('EndpointSlice' as const),
      key: fc.constantFrom(...sliceKeys),
      object: fc.option(endpointSliceObject, { nil: undefined, freq: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('Node' as const), object: nodeObject }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('Config' as const), object: servicesConfig }) },
);

const editedFields = [
  'clusterIPs',
  'ports',
  'externalIPs',
  'loadBalancerSourceRanges',
  'internalTrafficPolicy',
  'externalTrafficPolicy',
  'sessionAffinity',
] as const;

/** One field of a Service becomes that of another: what a user does with kubectl edit. */
interface Edit {
  readonly kind: 'Edit';
  readonly key: string;
  readonly field: (typeof editedFields)[number];
  readonly from: ServiceObject;
}

const edit: Arbitrary<Edit> = fc.record({
  kind: fc.constant('Edit' as const),
  key: fc.constantFrom(...serviceKeys),
  field: fc.constantFrom(...editedFields),
  from: serviceObject,
});

/** The edits as events, each on top of what its Service was by then; none for a Service that is not there. */
function withEdits(steps: readonly (Event | Edit)[]): Event[] {
  const services = new Map<string, ServiceObject | undefined>();
  return steps.flatMap((step) => {
    const done: Event[] = step.kind === 'Edit' ? editOf(step, services.get(step.key)) : [step];
    for (const one of done) if (one.kind === 'Service') services.set(one.key, one.object);
    return done;
  });
}

function editOf({ key, field, from }: Edit, object: ServiceObject | undefined): Event[] {
  if (object === undefined) return [];
  const spec = { ...object.spec, [field]: from.spec?.[field] };
  return [{ kind: 'Service', key, object: { ...object, spec } }];
}

/** A history, with the configuration that it starts with. */
export const history: Arbitrary<{ readonly config: ServicesConfig; readonly events: readonly Event[] }> = fc.record({
  config: servicesConfig,
  events: fc
    .array(fc.oneof({ weight: 4, arbitrary: event }, { weight: 1, arbitrary: edit }), {
      minLength: 5,
      maxLength: 30,
      size: 'max',
    })
    .map(withEdits),
});

/** The cluster in which nothing has happened yet. */
export function emptyCluster(config: ServicesConfig): Cluster {
  return { services: new Map(), slices: new Map(), node: undefined, config };
}

/** The cluster after one more event. */
export function after(cluster: Cluster, event: Event): Cluster {
  switch (event.kind) {
    case 'Service':
      return { ...cluster, services: replaced(cluster.services, event.key, event.object) };
    case 'EndpointSlice':
      return { ...cluster, slices: replaced(cluster.slices, event.key, event.object) };
    case 'Node':
      return { ...cluster, node: event.object };
    case 'Config':
      return { ...cluster, config: event.object };
  }
}

function replaced<T>(all: ReadonlyMap<string, T>, key: string, object: T | undefined): ReadonlyMap<string, T> {
  const copy = new Map(all);
  if (object === undefined) copy.delete(key);
  else copy.set(key, object);
  return copy;
}
