import { evaluate } from '@marcbachmann/cel-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeViewOf, serviceCIDRsOf } from '../../src/agent/sources/index.ts';
import { withDefaults } from '../../src/api/index.ts';
import { ProxyNodeStateSpecDto, schemaOf, validateProxyConfig } from '../../src/api/schema/index.ts';
import { questionOf } from '../../src/cli/index.ts';
import { NftablesSocket, Transaction } from '../../src/nftables/index.ts';
import type { SetDefinition } from '../../src/nftables/index.ts';
import { ForwardingState } from '../../src/services/index.ts';
import type { ServiceObject } from '../../src/services/index.ts';
import { Namespace } from '../support/index.ts';

/**
 * Every place where an address or a network comes in: each of them takes the same texts for the same thing, and what
 * one refuses, all refuse, with a reason.
 */
let namespace: Namespace;
let socket: NftablesSocket;

const sets = {
  4: { name: 'four', key: ['ipv4_addr'] },
  6: { name: 'six', key: ['ipv6_addr'] },
} as const satisfies Record<4 | 6, SetDefinition>;
const intervals = {
  4: { ...sets[4], name: 'intervals4', interval: true },
  6: { ...sets[6], name: 'intervals6', interval: true },
};

beforeAll(async () => {
  namespace = await Namespace.create('doors');
  socket = NftablesSocket.open({ namespacePath: namespace.path });
  const tx = new Transaction('doors');
  tx.addTable();
  for (const set of [...Object.values(sets), ...Object.values(intervals)]) tx.addSet(set);
  await socket.commit(tx);
});

afterAll(async () => {
  socket.close();
  await namespace.destroy();
});

/** What a door makes of a text: its canonical form, or the reason why not. */
type Reading = { readonly text: string } | { readonly refused: string };

function orReason(read: () => string): Reading {
  try {
    return { text: read() };
  } catch (error) {
    return { refused: String(error) };
  }
}

/** The first canonical text, or the reasons that the forwarding state tells. */
function served(state: ForwardingState, text: string | undefined): Reading {
  return text === undefined
    ? {
        refused: state
          .problems()
          .map(({ message }) => message)
          .join(),
      }
    : { text };
}

function stateWith(service: ServiceObject, endpoint?: { text: string; family: 4 | 6 }): ForwardingState {
  const state = new ForwardingState({ nodeName: 'node-1', defaultAlgorithm: 'random', maglevTableSize: 1021 });
  state.applyService('default/web', service);
  if (endpoint) {
    state.applyEndpointSlice('default/web-1', {
      metadata: { labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: `IPv${endpoint.family}`,
      ports: [{ name: '', protocol: 'TCP', port: 8080 }],
      endpoints: [{ addresses: [endpoint.text] }],
    });
  }
  return state;
}

const port = { protocol: 'TCP', port: 80 };
const clusterIPs = ['10.96.0.10', 'fd00:10:96::10'];

/** Writes a key to the kernel, reads it back, and takes it out again. */
async function throughKernel(set: SetDefinition, key: string): Promise<Reading> {
  const write = async (what: 'addElements' | 'deleteElements', text: string): Promise<void> => {
    const tx = new Transaction('doors');
    tx[what](set, [{ set: set.name, key: text }]);
    await socket.commit(tx);
  };
  try {
    await write('addElements', key);
  } catch (error) {
    return { refused: String(error) };
  }
  const elements = await socket.elements('doors', set);
  const [text = 'nothing'] = elements.map((element) => element.key);
  await write('deleteElements', text);
  return { text };
}

type Door = (text: string, family: 4 | 6) => Reading | Promise<Reading>;

const addressDoors: Record<string, Door> = {
  'a ClusterIP': (text) => {
    const state = stateWith({ spec: { clusterIPs: [text], ports: [port] } });
    const [frontend] = [...state.values()].flatMap(({ frontends }) => frontends);
    return served(state, frontend && 'address' in frontend ? frontend.address : undefined);
  },
  'a load-balancer address': (text) => {
    const ingress = [{ ip: text }];
    const state = stateWith({ spec: { clusterIPs, ports: [port] }, status: { loadBalancer: { ingress } } });
    const frontends = [...state.values()].flatMap((one) => one.frontends);
    const found = frontends.find(({ kind }) => kind === 'LoadBalancerIP');
    return served(state, found && 'address' in found ? found.address : undefined);
  },
  'an endpoint': (text, family) => {
    const state = stateWith({ spec: { clusterIPs, ports: [port] } }, { text, family });
    return served(state, [...state.values()].flatMap(({ clusterEndpoints }) => clusterEndpoints)[0]?.address);
  },
  'explain --to': (text) => orReason(() => questionOf({ to: `[${text}]:80`, protocol: 'tcp' }, '').destination),
  'explain --from': (text, family) => {
    const to = family === 4 ? '10.96.0.10:80' : '[fd00:10:96::10]:80';
    return orReason(() => questionOf({ to, from: text, protocol: 'tcp' }, '').source ?? '');
  },
  'a key in the kernel': (text, family) => throughKernel(sets[family], text),
  'a key among IPv6 in the kernel': (text) => throughKernel(sets[6], text),
};

const specRules = (schemaOf(ProxyNodeStateSpecDto)['properties'] as Record<string, Record<string, unknown>>)['config'];

/** The rules that the API server has from the CRD. */
function keepsRules(config: object): Reading {
  const rules = specRules?.['x-kubernetes-validations'] as { rule: string; message: string }[];
  const broken = rules.filter(({ rule }) => evaluate(rule, { self: config }) !== true);
  if (broken.length > 0) return { refused: broken.map(({ message }) => message).join() };
  return { text: withDefaults(config).nodePortAddresses[0] ?? '' };
}

const cidrDoors: Record<string, Door> = {
  'nodePortAddresses of a file': (text) => {
    const spec = { nodePortAddresses: [text] };
    const result = validateProxyConfig({ apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyConfig', spec });
    if ('errors' in result) return { refused: result.errors.map(({ message }) => message).join() };
    return { text: withDefaults(result.config.spec).nodePortAddresses[0] ?? '' };
  },
  'nodePortAddresses at the API server': (text) => keepsRules({ nodePortAddresses: [text] }),
  'a source range': (text, family) => {
    const ingress = [{ ip: family === 4 ? '192.0.2.1' : '2001:db8::1' }];
    const spec = { clusterIPs, ports: [port], loadBalancerSourceRanges: [text] };
    const state = stateWith({ spec, status: { loadBalancer: { ingress } } });
    const frontends = [...state.values()].flatMap((one) => one.frontends);
    const found = frontends.find(({ kind }) => kind === 'LoadBalancerIP');
    return served(state, found?.kind === 'LoadBalancerIP' ? withLength(found.sourceRanges?.[0]) : undefined);
  },
  'a ServiceCIDR': (text) => {
    const reasons: string[] = [];
    const [cidr] = serviceCIDRsOf({ metadata: { name: 'wider' }, spec: { cidrs: [text] } }, (why) => reasons.push(why));
    return cidr === undefined ? { refused: reasons.join() } : { text: cidr };
  },
  'a pod CIDR of a Node': (text) => {
    const reasons: string[] = [];
    const [cidr] = nodeViewOf({ spec: { podCIDRs: [text] } }, (why) => reasons.push(why)).podCIDRs;
    return cidr === undefined ? { refused: reasons.join() } : { text: cidr };
  },
  'an interval in the kernel': async (text, family) => {
    const reading = await throughKernel(intervals[family], text);
    return 'text' in reading ? { text: withLength(reading.text) ?? '' } : reading;
  },
};

/** Interval sets print a network of one address as the address. */
function withLength(range: string | undefined): string | undefined {
  return range === undefined || range.includes('/') ? range : `${range}/${range.includes(':') ? 128 : 32}`;
}

describe.each(Object.entries(addressDoors))('an address as %s', (_door, read) => {
  it.each([
    ['10.96.0.1', 4, '10.96.0.1'],
    ['010.096.000.001', 4, '10.96.0.1'],
    ['::ffff:1.2.3.4', 4, '1.2.3.4'],
    ['::FFFF:0102:304', 4, '1.2.3.4'],
    ['::5:6', 6, '::5:6'],
    ['::0.5.0.6', 6, '::5:6'],
    ['0:0:0:0:0:0:0005:6', 6, '::5:6'],
    ['FD00:0:0::0001', 6, 'fd00::1'],
    ['64:ff9b::192.0.2.1', 6, '64:ff9b::c000:201'],
  ] as const)('%s (IPv%s) is %s', async (written, family, text) => {
    expect(await read(written, family)).toEqual({ text });
  });

  it.each(['fe80::1%eth0', 'fd00::1::', '10.0.0.256', '10.0.0', '0x0a.0.0.1', '1.2.3.4::', 'fd00::12345', 'localhost'])(
    '%s is refused',
    async (written) => {
      expect(await read(written, written.includes(':') ? 6 : 4)).toEqual({
        refused: expect.stringMatching(/is not an IP(v[46])? address/) as unknown,
      });
    },
  );
});

describe.each(Object.entries(cidrDoors))('a network as %s', (_door, read) => {
  it.each([
    ['10.1.2.3/8', 4, '10.0.0.0/8'],
    ['010.1.2.3/8', 4, '10.0.0.0/8'],
    ['10.1.2.3/32', 4, '10.1.2.3/32'],
    ['::5:6/128', 6, '::5:6/128'],
    ['::0.5.0.6/112', 6, '::5:0/112'],
    ['FD00::1/64', 6, 'fd00::/64'],
  ] as const)('%s (IPv%s) is %s', async (written, family, text) => {
    expect(await read(written, family)).toEqual({ text });
  });

  it.each([
    '10.0.0.0/08',
    '::ffff:1.2.3.0/120',
    '::ffff:0:0/96',
    'fd00::1::/64',
    'fe80::1%eth0/64',
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0/8',
    '1.2.3.4::/8',
  ])('%s is refused', async (written) => {
    const reason = /is not a CIDR|entry must be primary or a CIDR/;
    expect(await read(written, written.includes(':') ? 6 : 4)).toEqual({
      refused: expect.stringMatching(reason) as unknown,
    });
  });
});
