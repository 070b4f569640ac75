import { Environment } from '@marcbachmann/cel-js';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { amountOf } from '../agent-settings.ts';
import { withDefaults } from '../defaults.ts';
import { ProxyConfigSpecDto } from './proxy-config.ts';
import { schemaOf } from './openapi.ts';
import type { Schema } from './openapi.ts';
import { validateProxyConfig } from './validate.ts';

const manifest = (spec: unknown, other: object = {}) => ({
  apiVersion: 'nftproxy.io/v1alpha1',
  kind: 'ProxyConfig',
  metadata: { name: 'default' },
  spec,
  ...other,
});

function errorsOf(spec: unknown, other: object = {}): string[] {
  const result = validateProxyConfig(manifest(spec, other));
  return 'errors' in result ? result.errors.map(({ path, message }) => `${path}: ${message}`) : [];
}

const agentSettings = {
  resources: { requests: { cpu: 1, memory: '700Mi' }, limits: { cpu: '1000m', memory: '0.7Gi' } },
  tolerations: [
    { operator: 'Exists', effect: 'NoExecute' },
    { key: 'dedicated', value: 'edge', effect: 'NoSchedule' },
  ],
  imagePullSecrets: [{ name: 'registry' }],
  logLevel: 'debug',
  healthzBindAddress: '[::]:10356',
  metricsBindAddress: '0.0.0.0:9100',
  extraArgs: ['--log-format=json'],
};

describe('a ProxyConfig file is accepted', () => {
  test.each([
    ['with nothing but defaults', {}],
    ['with a dual-stack pair of cluster CIDRs', { clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/56'] }],
    ['with a bridge', { detectLocal: { mode: 'BridgeInterface', bridgeInterface: 'cni0' } }],
    ['with an interface prefix', { detectLocal: { mode: 'InterfaceNamePrefix', interfaceNamePrefix: 'veth' } }],
    ['of letters that few have', { detectLocal: { mode: 'InterfaceNamePrefix', interfaceNamePrefix: 'schön' } }],
    [
      'with a prefix of all that a name may have',
      { detectLocal: { mode: 'InterfaceNamePrefix', interfaceNamePrefix: '_a-b.0@[#~' } },
    ],
    ['with node-port addresses primary', { nodePortAddresses: ['primary'] }],
    ['with several node-port CIDRs', { nodePortAddresses: ['192.0.2.0/24', '198.51.100.0/24', '::/0'] }],
    ['with maglev', { loadBalancing: { algorithm: 'maglev', maglev: { tableSize: 65521 } } }],
    ['with a selector', { nodeSelector: { matchExpressions: [{ key: 'pool', operator: 'In', values: ['edge'] }] } }],
    ['with a section left empty', { conntrack: null, detectLocal: { mode: null } }],
    ['with a bold rollout', { rollout: { maxUnavailable: '100%', canary: { nodes: 0 }, onFailure: 'Pause' } }],
    ['with a number of nodes at a time', { rollout: { maxUnavailable: 3, paused: true } }],
    ['with conntrack settings', { conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '1h30m', tcpBeLiberal: true } }],
    ['with settings of its agents', { agent: agentSettings }],
    [
      'with a selector of a label that has a name of JavaScript',
      { nodeSelector: { matchLabels: { constructor: 'b' } } },
    ],
    ['with a limit that has no request', { agent: { resources: { limits: { memory: '100Mi' } } } }],
  ])('%s', (_story, spec) => {
    expect(errorsOf(spec)).toEqual([]);
  });

  test('and nulls do not reach who reads it', () => {
    const result = validateProxyConfig(manifest({ conntrack: null, detectLocal: { mode: null } }));
    if ('errors' in result) throw new Error('refused');
    expect(result.config.spec).toEqual({ detectLocal: {} });
    expect(withDefaults(result.config.spec).detectLocal).toEqual({ mode: 'ClusterCIDR' });
  });
});

describe('a ProxyConfig file is refused with the field that is wrong:', () => {
  test.each([
    [
      'an unknown algorithm',
      { loadBalancing: { algorithm: 'fastest' } },
      'spec.loadBalancing.algorithm: must be one of',
    ],
    ['a field nobody knows', { loadBalancing: { algorythm: 'random' } }, 'spec.loadBalancing.algorythm: unknown field'],
    ['a table size that is not prime', { loadBalancing: { maglev: { tableSize: 1000 } } }, 'maglev.tableSize: must be'],
    ['text for a number', { priority: '5' }, 'spec.priority: must be'],
    ['text for a section', { detectLocal: 'ClusterCIDR' }, 'spec.detectLocal: '],
    ['a list for a section', { detectLocal: [] }, 'spec.detectLocal: must be an object'],
    ['a bridge without name', { detectLocal: { mode: 'BridgeInterface' } }, 'spec.detectLocal.bridgeInterface: '],
    ['a name without bridge', { detectLocal: { bridgeInterface: 'cni0' } }, 'spec.detectLocal.bridgeInterface: '],
    ['a malformed CIDR', { clusterCIDRs: ['10.244.0.0'] }, 'spec.clusterCIDRs: must be a CIDR'],
    ['an impossible IPv6 CIDR', { clusterCIDRs: ['1:2:3/64'] }, 'spec.clusterCIDRs: '],
    [
      'a CIDR with "::" twice',
      { nodePortAddresses: ['10.0.0.0/8', 'fd00::1::/64'] },
      'spec.nodePortAddresses: must be primary or a CIDR such as 10.244.0.0/16 or fd00:10:244::/56: "fd00::1::/64" is ' +
        'not a CIDR: "::" stands in it more than once',
    ],
    ['a length with a leading zero', { clusterCIDRs: ['10.0.0.0/08'] }, 'its prefix length has a leading zero'],
    ['an IPv4-mapped network', { clusterCIDRs: ['::ffff:10.0.0.0/104'] }, 'write an IPv4-mapped network as IPv4'],
    ['two CIDRs of a family', { clusterCIDRs: ['10.0.0.0/16', '10.1.0.0/16'] }, 'spec.clusterCIDRs: at most one'],
    [
      'mode iptables with an algorithm that goes by a hash',
      { mode: 'iptables', loadBalancing: { algorithm: 'maglev' } },
      'spec.loadBalancing.algorithm: mode iptables cannot choose by a hash: use random, round-robin or least-connections',
    ],
    ['primary among CIDRs', { nodePortAddresses: ['primary', '::/0'] }, 'spec.nodePortAddresses: primary stands alone'],
    ['a duration without unit', { conntrack: { udpTimeout: '30' } }, 'spec.conntrack.udpTimeout: must be a duration'],
    ['a selector without values', { nodeSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, '[0].values'],
    ['a label that is a number', { nodeSelector: { matchLabels: { rack: 7 } } }, 'spec.nodeSelector.matchLabels: '],
    ['no node at a time', { rollout: { maxUnavailable: 0 } }, 'spec.rollout.maxUnavailable: must be a number of nodes'],
    ['more nodes than all', { rollout: { maxUnavailable: '101%' } }, 'spec.rollout.maxUnavailable: must be a number'],
    [
      'an amount without sense',
      { agent: { resources: { limits: { memory: 'plenty' } } } },
      'spec.agent.resources.limits.memory: must be a quantity such as 150Mi or 1Gi',
    ],
    [
      'a request above its limit',
      { agent: { resources: { requests: { cpu: 1 }, limits: { cpu: '900m' } } } },
      'spec.agent.resources.requests: requests.cpu must not be above limits.cpu',
    ],
    [
      'an argument that has a field',
      { agent: { extraArgs: ['--log-level=debug'] } },
      'spec.agent.extraArgs: --log-level cannot be given here: use spec.agent.logLevel',
    ],
    [
      'an argument that the operator sets',
      { agent: { extraArgs: ['--node-name', 'x'] } },
      'spec.agent.extraArgs: --node-name cannot be given here: the operator sets it for each node',
    ],
    [
      'one port for two things',
      { agent: { healthzBindAddress: '0.0.0.0:10249' } },
      'spec.agent.metricsBindAddress: healthzBindAddress and metricsBindAddress need ports of their own',
    ],
    ['a port alone', { agent: { healthzBindAddress: '10256' } }, 'must be an address and a port such as 0.0.0.0:10256'],
    [
      'a toleration of everything but without saying so',
      { agent: { tolerations: [{ effect: 'NoSchedule' }] } },
      'spec.agent.tolerations[0].operator: without a key the operator has to be Exists',
    ],
    [
      'a toleration within a list too many',
      { agent: { tolerations: [[{ operator: 'Exists' }]] } },
      'spec.agent.tolerations[0]: must be an object',
    ],
    [
      'a PriorityClass whose name has nothing between two dots',
      { agent: { priorityClassName: 'a..b' } },
      'spec.agent.priorityClassName: must be the name of a PriorityClass',
    ],
    [
      'a Secret whose name no Secret can have',
      { agent: { imagePullSecrets: [{ name: 'a..b' }] } },
      'spec.agent.imagePullSecrets[0].name: must be the name of a Secret',
    ],
    [
      'a taint whose key API servers do not take',
      { agent: { tolerations: [{ key: 'a..b/c', operator: 'Exists' }] } },
      'spec.agent.tolerations[0].key: must be a label key',
    ],
    [
      'a taint whose key has too much before the slash',
      { agent: { tolerations: [{ key: `${'a'.repeat(254)}/b`, operator: 'Exists' }] } },
      'spec.agent.tolerations[0].key: may have 253 characters before the slash',
    ],
    [
      'a label that has a name of JavaScript, and no value of a label',
      { nodeSelector: { matchLabels: { constructor: 'a b' } } },
      'spec.nodeSelector.matchLabels: must be labels',
    ],
    ...['cni"', "cni'", 'cni\\\\', 'cni+', 'cni*', 'cn i'].map((interfaceNamePrefix): [string, object, string] => [
      `an interface that is called ${interfaceNamePrefix}`,
      { detectLocal: { mode: 'InterfaceNamePrefix', interfaceNamePrefix } },
      'spec.detectLocal.interfaceNamePrefix: must be the beginning of names of network interfaces',
    ]),
    [
      'what a terminal would take for an order, shown and not done',
      { mode: 'x\u202e\u2028' },
      String.raw`(it is "x\u202e\u2028")`,
    ],
    ['a spec that is a list', [], 'spec: must be an object'],
  ])('%s', (_story, spec, expected) => {
    expect(errorsOf(spec).join('\n')).toContain(expected);
  });

  test('another kind, and a field beside spec', () => {
    expect(errorsOf({}, { kind: 'Service', data: {} })).toEqual(['kind: must be ProxyConfig', 'data: unknown field']);
    expect(errorsOf({}, { metadata: { name: 'x'.repeat(64) } }).join()).toContain('metadata.name: must be lower case');
    expect(validateProxyConfig('nonsense')).toEqual({
      errors: [{ path: '', message: 'must be a ProxyConfig manifest' }],
    });
  });
});

/** Specs that are nearly right, so that about half of them are. */
const nearlyRight = (() => {
  const optional = <T>(value: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
  const cidr = fc.constantFrom(
    '10.0.0.0/8',
    '192.0.2.1/24',
    'fd00::/8',
    '::/0',
    '10.0.0.0/33',
    'fd00::/129',
    'fd00::1::/64',
    '10.0.0.0/08',
    '::5:6/128',
    '::ffff:10.0.0.0/104',
    '::ffff:0/0',
    'primary',
  );
  const duration = fc.constantFrom('24h', '1m30s', '0s', '0', '1.5h', '-1s', '10', 'soon');
  const requirement = fc.record(
    {
      key: fc.constantFrom('pool', 'kubernetes.io/os', ''),
      operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt'),
      values: fc.array(fc.constantFrom('a', 'b', '-c'), { maxLength: 2 }),
    },
    { requiredKeys: ['key', 'operator'] },
  );
  const amount = fc.constantFrom<unknown>('100m', 1, '0.5', '150Mi', '1Gi', '', '-1', 'much', 1.5, true);
  const amounts = fc.record({ cpu: amount, memory: amount }, { requiredKeys: [] });
  const toleration = fc.record(
    {
      key: fc.constantFrom('dedicated', 'a b'),
      operator: fc.constantFrom('Exists', 'Equal', 'Gt'),
      value: fc.constantFrom('edge', '', '-'),
      effect: fc.constantFrom('NoSchedule', 'NoExecute', 'Never'),
      tolerationSeconds: fc.constantFrom<unknown>(30, -1, '1m'),
    },
    { requiredKeys: [] },
  );
  const address = fc.constantFrom(
    '0.0.0.0:10256',
    '[::1]:10249',
    '127.0.0.1:0',
    '10256',
    'localhost:80',
    '1.2.3.4:70000',
  );
  return fc
    .record({
      mode: optional(fc.constantFrom('nftables', 'nftables', 'ipvs', 'userspace', 'iptables')),
      priority: optional(fc.constantFrom(0, -5, 1.5, 2_000_000)),
      loadBalancing: optional(
        fc.record(
          {
            algorithm: fc.constantFrom('random', 'maglev', 'least'),
            maglev: fc.record({ tableSize: fc.constantFrom(251, 1021, 1000) }, { requiredKeys: [] }),
          },
          { requiredKeys: [] },
        ),
      ),
      detectLocal: optional(
        fc.record(
          {
            mode: fc.constantFrom('ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'),
            bridgeInterface: fc.constantFrom('cni0', 'much-too-long-a-name', 'a b'),
            interfaceNamePrefix: fc.constantFrom('veth', ''),
          },
          { requiredKeys: [] },
        ),
      ),
      clusterCIDRs: optional(fc.array(cidr, { maxLength: 3 })),
      nodePortAddresses: optional(fc.array(cidr, { maxLength: 3 })),
      onDelete: optional(fc.constantFrom('Keep', 'Cleanup', 'Explode')),
      masqueradeAll: optional(fc.constantFrom<unknown>(true, false, 'yes')),
      conntrack: optional(
        fc.record({ maxPerCore: fc.constantFrom(0, 1, -1), udpTimeout: duration }, { requiredKeys: [] }),
      ),
      rollout: optional(
        fc.record(
          {
            maxUnavailable: fc.constantFrom<unknown>(0, 1, 500, '0%', '10%', '100%', '101%', 'all', '', true),
            maxFailed: fc.constantFrom(0, 1),
            onFailure: fc.constantFrom('Pause', 'Rollback', 'Panic'),
            canary: fc.record({ nodes: fc.constantFrom(-1, 0, 3) }, { requiredKeys: [] }),
          },
          { requiredKeys: [] },
        ),
      ),
      agent: optional(
        fc.record(
          {
            resources: fc.record({ requests: amounts, limits: amounts }, { requiredKeys: [] }),
            tolerations: fc.array(toleration, { maxLength: 2 }),
            imagePullSecrets: fc.constantFrom<unknown>([], [{ name: 'pull' }], [{ name: 'A b' }], [{}]),
            logLevel: fc.constantFrom('debug', 'loud'),
            priorityClassName: fc.constantFrom('system-node-critical', 'Not A Name'),
            healthzBindAddress: address,
            metricsBindAddress: address,
            extraArgs: fc.constantFrom([], ['--log-format=json'], ['--node-name', 'x'], ['--log-level=debug']),
          },
          { requiredKeys: [] },
        ),
      ),
      nodeSelector: optional(
        fc.record(
          {
            matchLabels: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom<unknown>('x', '', '-', 1)),
            matchExpressions: fc.array(requirement, { maxLength: 2 }),
          },
          { requiredKeys: [] },
        ),
      ),
    })
    .map((spec) => JSON.parse(JSON.stringify(spec)) as Record<string, unknown>);
})();

/** Fills in defaults, then checks schema and CEL, as an API server does. */
function apiServer(schema: Schema): (spec: Record<string, unknown>) => boolean {
  const ajv = new Ajv({ strict: false, useDefaults: true });
  const valid = ajv.compile(schema);
  return (spec) => {
    const value = structuredClone(spec);
    return valid(value) && keepsRules(schema, value);
  };
}

/** CEL with what API servers add to it, as far as our rules use it. */
const cel = new Environment({ homogeneousAggregateLiterals: false })
  .registerVariable('self', 'dyn')
  .registerFunction('isQuantity(string): bool', (text: string) => !Number.isNaN(amountOf(text)))
  .registerFunction('quantity(string): double', (text: string) => amountOf(text))
  .registerFunction('double.isGreaterThan(double): bool', (a: number, b: number) => a > b);

function keepsRules(schema: Schema, value: unknown): boolean {
  const rules = (schema['x-kubernetes-validations'] ?? []) as { rule: string }[];
  if (!rules.every(({ rule }) => cel.evaluate(rule, { self: value }) === true)) return false;
  if (Array.isArray(value)) return value.every((item) => keepsRules(schema['items'] as Schema, item));
  if (typeof value !== 'object' || value === null) return true;
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
  return Object.entries(value).every(([name, member]) => keepsRules(properties[name] ?? {}, member));
}

test('the API server (schema and CEL) and --config FILE accept the same specs', () => {
  const accepts = apiServer(schemaOf(ProxyConfigSpecDto));
  let accepted = 0;
  fc.assert(
    fc.property(nearlyRight, (spec) => {
      const ours = errorsOf(spec);
      if (ours.length === 0) accepted++;
      expect(accepts(spec), ours.join('; ')).toBe(ours.length === 0);
    }),
    { numRuns: 1500 },
  );
  // Else the test above would say little.
  expect(accepted).toBeGreaterThan(20);
});

/** Texts of which about a third are CIDRs: pieces of addresses, and addresses with a change. */
const nearlyCidr = (() => {
  const piece = fc.constantFrom('0', '00', 'ffff', 'FFFF', '1', 'a0', '12345', ':', '::', '.', '1.2.3.4', '010.256');
  const address = fc.oneof(
    fc.ipV6(),
    fc.ipV4(),
    fc.ipV4().map((text) => `::ffff:${text}`),
    fc.tuple(fc.nat(8), fc.nat(8)).map(([a, b]) => `${'0:'.repeat(a)}ffff${':0'.repeat(b)}`),
    fc.array(fc.oneof(piece, fc.constant(':')), { maxLength: 9 }).map((parts) => parts.join('')),
    fc.tuple(fc.nat(8), fc.nat(8)).map(([a, b]) => `${Array(a).fill('1').join(':')}::${Array(b).fill('f').join(':')}`),
    fc.tuple(fc.nat(7), fc.nat(7)).map(([a, b]) => `${'1:'.repeat(a)}:${'0:'.repeat(b)}1.2.3.4`),
  );
  const length = fc.oneof(
    fc.nat(32).map(String),
    fc.nat(32).map(String),
    fc.nat(140).map(String),
    fc.constantFrom('08', '00', '', '0128', '-1', '1/1'),
  );
  return fc.tuple(address, length).map(([text, bits]) => `${text}/${bits}`);
})();

test('the API server and --config FILE have the same CIDRs', () => {
  const accepts = apiServer(schemaOf(ProxyConfigSpecDto));
  let [accepted, refused] = [0, 0];
  fc.assert(
    fc.property(nearlyCidr, (text) => {
      const ours = errorsOf({ nodePortAddresses: [text] });
      if (ours.length === 0) accepted++;
      else refused++;
      expect(accepts({ nodePortAddresses: [text] }), `${text}: ${ours.join('; ')}`).toBe(ours.length === 0);
    }),
    { numRuns: 3000 },
  );
  expect(Math.min(accepted, refused)).toBeGreaterThan(300);
});

test.each([
  ['a list where an object belongs', { detectLocal: [{ mode: 'NodeCIDR' }] }, 'spec.detectLocal: must be an object'],
  ['lists of them', { rollout: [[{}]] }, 'spec.rollout: must be an object'],
  [
    'an object where a list belongs',
    { agent: { tolerations: { key: 'a' } } },
    'spec.agent.tolerations: must be an array',
  ],
  ['a list within a list', { agent: { tolerations: [[{}]] } }, 'spec.agent.tolerations[0]: must be an object'],
])('%s is refused where it stands, and nothing is said of what is in it', (_story, spec, expected) => {
  const errors = errorsOf(spec);
  expect(errors.join('; ')).toContain(expected);
  expect(new Set(errors.map((error) => error.split(': ')[0]))).toEqual(new Set([expected.split(': ')[0]]));
});

test('a value of any length leaves the message one that can be read', () => {
  const nodePortAddresses = Array.from({ length: 60_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  const [error = ''] = errorsOf({ nodePortAddresses });
  expect(error).toContain('spec.nodePortAddresses');
  expect(error.length).toBeLessThan(400);
});
