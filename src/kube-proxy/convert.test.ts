import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { withDefaults } from '../api/index.ts';
import { validateProxyConfig } from '../api/schema/index.ts';
import { ipvsSchedulers } from '../services/index.ts';
import { fieldsWithoutPlace } from './fields.ts';
import { convert, conversionText, readKubeProxyConfiguration } from './index.ts';

const head = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' };
/** What kube-proxy 1.36 writes with --write-config-to and nothing else, in nftables mode. */
const usual = {
  ...head,
  bindAddress: '0.0.0.0',
  bindAddressHardFail: false,
  clientConnection: {
    acceptContentTypes: '',
    burst: 10,
    contentType: 'application/vnd.kubernetes.protobuf',
    kubeconfig: '',
    qps: 5,
  },
  clusterCIDR: '',
  configSyncPeriod: '15m0s',
  conntrack: {
    maxPerCore: 32768,
    min: 131072,
    tcpBeLiberal: false,
    tcpCloseWaitTimeout: '1h0m0s',
    tcpEstablishedTimeout: '24h0m0s',
    udpStreamTimeout: '0s',
    udpTimeout: '0s',
  },
  detectLocal: { bridgeInterface: '', interfaceNamePrefix: '' },
  detectLocalMode: 'ClusterCIDR',
  enableProfiling: false,
  healthzBindAddress: '0.0.0.0:10256',
  hostnameOverride: '',
  iptables: {
    localhostNodePorts: true,
    masqueradeAll: false,
    masqueradeBit: 14,
    minSyncPeriod: '1s',
    syncPeriod: '30s',
  },
  ipvs: {
    excludeCIDRs: null,
    minSyncPeriod: '0s',
    scheduler: '',
    strictARP: false,
    syncPeriod: '0s',
    tcpFinTimeout: '0s',
    tcpTimeout: '0s',
    udpTimeout: '0s',
  },
  logging: {
    flushFrequency: '5s',
    format: 'text',
    options: { json: { infoBufferSize: '0' }, text: { infoBufferSize: '0' } },
    verbosity: 0,
  },
  metricsBindAddress: '127.0.0.1:10249',
  mode: 'nftables',
  nftables: { masqueradeAll: false, masqueradeBit: 14, minSyncPeriod: '0s', syncPeriod: '0s' },
  nodePortAddresses: null,
  oomScoreAdj: -999,
  portRange: '',
  showHiddenMetricsForVersion: '',
  winkernel: {
    enableDSR: false,
    forwardHealthCheckVip: false,
    networkName: '',
    rootHnsEndpointName: '',
    sourceVip: '',
  },
};

const specOf = (configuration: object, ipvsAs?: 'nftables') =>
  convert({ ...head, ...configuration }, 'default', ipvsAs).config.spec;
const notesOn = (configuration: object, ipvsAs?: 'nftables') =>
  convert({ ...head, ...configuration }, 'default', ipvsAs).notes.map(({ weight, field }) => `${weight} ${field}`);

describe('a KubeProxyConfiguration becomes a ProxyConfig', () => {
  test('that says nothing where it says nothing but its defaults', () => {
    expect(convert(usual, 'default')).toEqual({
      config: { apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyConfig', metadata: { name: 'default' }, spec: {} },
      notes: [],
    });
    expect(specOf({ mode: 'nftables' })).toEqual({});
  });

  test('with its CIDRs, local detection, masquerading, conntrack and addresses', () => {
    const given = {
      mode: 'nftables',
      clusterCIDR: '10.244.0.0/16,fd00:10:244::/56',
      detectLocalMode: 'BridgeInterface',
      detectLocal: { bridgeInterface: 'cni0', interfaceNamePrefix: '' },
      nftables: { masqueradeAll: true },
      nodePortAddresses: ['192.168.0.0/16'],
      conntrack: { maxPerCore: 0, min: null, tcpEstablishedTimeout: '2h', tcpBeLiberal: true, udpTimeout: '30s' },
      healthzBindAddress: '0.0.0.0:20256',
      metricsBindAddress: '0.0.0.0:20249',
      logging: { verbosity: 5 },
    };
    expect(specOf(given)).toEqual({
      clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/56'],
      detectLocal: { mode: 'BridgeInterface', bridgeInterface: 'cni0' },
      masqueradeAll: true,
      nodePortAddresses: ['192.168.0.0/16'],
      conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '2h', tcpBeLiberal: true, udpTimeout: '30s' },
      agent: { healthzBindAddress: '0.0.0.0:20256', metricsBindAddress: '0.0.0.0:20249', logLevel: 'debug' },
    });
    expect(notesOn(given)).toEqual([]);
  });

  test('in which NodePorts answer where they answered: everywhere in the older modes, at the node’s own in nftables', () => {
    expect(specOf({ mode: 'nftables' }).nodePortAddresses).toBeUndefined();
    for (const mode of ['', 'iptables', 'ipvs'])
      expect(specOf({ mode }).nodePortAddresses).toEqual(['0.0.0.0/0', '::/0']);
    expect(specOf({ mode: 'iptables', nodePortAddresses: ['primary'] })).toEqual({});
  });

  test('that masquerades all as the settings of its mode said, those of iptables in IPVS mode', () => {
    const [yes, no] = [{ masqueradeAll: true }, { masqueradeAll: false }];
    expect(specOf({ mode: 'ipvs', iptables: yes, nftables: no }).masqueradeAll).toBe(true);
    expect(specOf({ mode: 'nftables', iptables: yes, nftables: no }).masqueradeAll).toBeUndefined();
  });

  test.each([...ipvsSchedulers].map(([name, { algorithm }]) => [name, algorithm] as const))(
    'with IPVS scheduler %s in mode ipvs; on demand as algorithm %s, and says how near that comes',
    (scheduler, algorithm) => {
      const given = { mode: 'ipvs', ipvs: { scheduler } };
      const { mode, ipvs, loadBalancing } = specOf(given);
      expect([mode, ipvs?.scheduler ?? 'rr', loadBalancing]).toEqual(['ipvs', scheduler, undefined]);
      expect(notesOn(given)).not.toContain('changed ipvs.scheduler');
      expect(specOf(given, 'nftables')).toMatchObject(algorithm === undefined ? {} : { loadBalancing: { algorithm } });
      expect(specOf(given, 'nftables').mode).toBeUndefined();
      expect(notesOn(given, 'nftables').includes('changed ipvs.scheduler')).toBe(scheduler !== 'rr');
    },
  );

  test('with taking turns where IPVS had no scheduler, or one that nobody knows, and without any in other modes', () => {
    expect(specOf({ mode: 'ipvs' })).toMatchObject({ mode: 'ipvs' });
    expect(specOf({ mode: 'ipvs' }, 'nftables').loadBalancing).toEqual({ algorithm: 'round-robin' });
    const unknown = { mode: 'ipvs', ipvs: { scheduler: 'mine' } };
    expect([specOf(unknown).ipvs, specOf(unknown, 'nftables').loadBalancing]).toEqual([undefined, undefined]);
    expect(notesOn(unknown)).toContain('changed ipvs.scheduler');
    const other = specOf({ mode: 'iptables', ipvs: { scheduler: 'lc' } });
    expect([other.mode, other.ipvs, other.loadBalancing]).toEqual([undefined, undefined, undefined]);
  });
});

describe('what has no place in a ProxyConfig', () => {
  test('is named, with what is lost apart from what is not needed', () => {
    const given = {
      mode: 'nftables',
      featureGates: { Some: true },
      bindAddress: '192.168.1.5',
      ipvs: { strictARP: true, udpTimeout: '5m' },
      nftables: { masqueradeBit: 20 },
      fieldOfTomorrow: true,
    };
    expect(notesOn(given).sort()).toEqual([
      'lost bindAddress',
      'lost featureGates',
      'lost fieldOfTomorrow',
      'lost ipvs.udpTimeout',
      'unneeded ipvs.strictARP',
      'unneeded nftables.masqueradeBit',
    ]);
  });

  test('stands above the ProxyConfig as comments, which YAML does not mind', () => {
    const conversion = convert({ ...head, mode: 'ipvs', oomScoreAdj: -500 }, 'edge');
    const text = conversionText(conversion);
    expect(text).toContain('# Not carried over:\n# - oomScoreAdj: -500: ');
    expect(text).toContain('# Carried over, and not quite the same:\n# - mode: "ipvs": ');
    expect(text).toContain('ipvs.excludeCIDRs must name two ranges');
    expect(parse(text)).toEqual(conversion.config);
  });

  test('is all that kube-proxy writes and is not carried over', () => {
    const flat = Object.entries(usual).flatMap(([name, value]): string[] =>
      typeof value === 'object' && value !== null && name !== 'featureGates'
        ? Object.keys(value).map((inner) => `${name}.${inner}`)
        : [name],
    );
    const unknown = Object.keys(fieldsWithoutPlace).filter((field) => !flat.includes(field));
    expect(unknown).toEqual(['logging.vmodule', 'featureGates', 'windowsRunAsService']);
  });
});

describe('where a KubeProxyConfiguration is read from', () => {
  const mine = { ...head, mode: 'ipvs' };
  const map = (data: Record<string, string>) => ({ apiVersion: 'v1', kind: 'ConfigMap', data });

  test.each([
    ['the file itself', stringify(mine)],
    ['JSON', JSON.stringify(mine)],
    ['kubeadm’s ConfigMap', stringify(map({ 'kubeconfig.conf': 'kind: Config\n', 'config.conf': stringify(mine) }))],
    [
      'a ConfigMap with notes',
      stringify(map({ notes: '{KubeProxyConfiguration [below', 'config.conf': stringify(mine) })),
    ],
    ['a List of ConfigMaps', stringify({ kind: 'List', items: [map({}), map({ config: stringify(mine) })] })],
    ['one of several documents', `${stringify({ kind: 'ClusterConfiguration' })}---\n${stringify(mine)}`],
  ])('may be %s', (_what, text) => {
    expect(readKubeProxyConfiguration(text)).toEqual(mine);
  });

  test('is told when there is none, more than one, or no YAML', () => {
    expect(() => readKubeProxyConfiguration('kind: Service\n')).toThrow('there is no KubeProxyConfiguration in this');
    expect(() => readKubeProxyConfiguration(`${stringify(mine)}---\n${stringify(mine)}`)).toThrow('there are 2');
    expect(() => readKubeProxyConfiguration('a: [')).toThrow('this is no YAML');
    const later = stringify({ ...mine, apiVersion: 'kubeproxy.config.k8s.io/v1beta1' });
    expect(() => readKubeProxyConfiguration(later)).toThrow('must be kubeproxy.config.k8s.io/v1alpha1, and is');
  });

  test.each([
    ['lists', '['.repeat(3000) + ']'.repeat(3000)],
    ['lists of a line each level', '- '.repeat(200)],
    ['lists that do not end', '['.repeat(5000)],
    ['objects', `${'{a: '.repeat(101)}1${'}'.repeat(101)}`],
    ['keys that are objects', `${'? '.repeat(500)}a`],
  ])('is refused with a sentence when %s are nested too deeply', (_what, text) => {
    expect(() => readKubeProxyConfiguration(text)).toThrow('this is nested more than 100 levels deep');
  });

  test('is read when something is nested as deeply as that', () => {
    const deep = `kind: KubeProxyConfiguration\nfeatureGates: ${'{a: '.repeat(98)}1${'}'.repeat(98)}`;
    expect(readKubeProxyConfiguration(deep)).toHaveProperty('featureGates');
  });

  test.each([
    ['lead nowhere', 'kind: KubeProxyConfiguration\nmode: *x\n'],
    ['lead back to themselves', 'kind: KubeProxyConfiguration\nfeatureGates: &a\n  x: *a\n'],
    [
      'stand for millions of values',
      [
        'a: &a [x]',
        ...['b', 'c', 'd', 'e', 'f', 'g', 'h'].map(
          (name, at) => `${name}: &${name} [${`*${'abcdefg'[at]}, `.repeat(9)}]`,
        ),
      ].join('\n'),
    ],
  ])('is refused with a sentence when its aliases %s', (_how, text) => {
    expect(() => readKubeProxyConfiguration(text)).toThrow(/^this is no YAML: /);
  });

  test.each([
    [{ mode: 'fast' }, 'mode must be one of'],
    [{ clusterCIDR: 5 }, 'clusterCIDR must be a text, and is 5'],
    [{ nodePortAddresses: 'primary' }, 'nodePortAddresses must be a list of texts'],
    [{ conntrack: { maxPerCore: 'many' } }, 'conntrack.maxPerCore must be a whole number'],
    [{ iptables: { masqueradeAll: 'yes' } }, 'iptables.masqueradeAll must be true or false'],
    [{ detectLocalMode: 'Guess' }, 'detectLocalMode must be one of'],
    [{ conntrack: 5 }, 'conntrack must be an object, and is 5'],
    [{ iptables: ['a'] }, 'iptables must be an object'],
  ])('a value that kube-proxy would not take is told by its name: %j', (given, message) => {
    expect(() => convert({ ...head, ...given }, 'default')).toThrow(message);
  });
});

test('whatever a field is named, it stays in its comment', () => {
  const odd = ['foo\nspec: {masqueradeAll: true}\n# x', 'a\r: b', 'c\u0085: d', 'e\u2028f: g', 'ü'];
  const fields = Object.fromEntries(odd.map((name) => [name, name]));
  const text = conversionText(convert({ ...head, ...fields }, 'default'));
  expect(text.split(/[\n\r\u0085\u2028\u2029]/).filter((line) => !line.startsWith('#'))).toEqual([
    ...stringify(convert(head, 'default').config).split('\n'),
  ]);
  expect(text.match(/unknown here/g)).toHaveLength(odd.length);
});

test('whatever a valid configuration says, the ProxyConfig is valid', () => {
  const configuration = fc.record(
    {
      mode: fc.constantFrom('', 'iptables', 'ipvs', 'nftables'),
      clusterCIDR: fc.constantFrom('', '10.244.0.0/16', 'fd00::/64,10.1.0.0/16'),
      detectLocalMode: fc.constantFrom('', 'ClusterCIDR', 'NodeCIDR'),
      nodePortAddresses: fc.constantFrom(null, [], ['primary'], ['10.0.0.0/8', 'fd00::/8']),
      ipvs: fc.record({ scheduler: fc.constantFrom('', ...ipvsSchedulers.keys(), 'none') }, { requiredKeys: [] }),
      iptables: fc.record({ masqueradeAll: fc.boolean(), localhostNodePorts: fc.boolean() }, { requiredKeys: [] }),
      conntrack: fc.record(
        { maxPerCore: fc.option(fc.nat()), min: fc.option(fc.nat()), udpTimeout: fc.constantFrom('0s', '1m30s', '') },
        { requiredKeys: [] },
      ),
      logging: fc.record({ verbosity: fc.nat(10) }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(configuration, (given) => {
      const { config } = convert({ ...head, ...given }, 'default');
      expect(validateProxyConfig(config)).not.toHaveProperty('errors');
      expect(() => withDefaults(config.spec)).not.toThrow();
    }),
  );
});
