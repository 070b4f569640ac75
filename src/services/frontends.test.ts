import { describe, expect, it } from 'vitest';
import { ForwardingState } from './forwarding-state.ts';
import type { ServiceObject } from './objects.ts';
import { service, slice } from './testing/index.ts';
import type { Frontend } from './types.ts';

const config = { defaultAlgorithm: 'random', maglevTableSize: 1021, nodeName: 'here' } as const;

function stateOf(services: Record<string, ServiceObject>): ForwardingState {
  const state = new ForwardingState(config);
  for (const [key, object] of Object.entries(services)) state.applyService(key, object);
  return state;
}

/** The frontends of the IPv4 port 80 of default/web, a line each. */
function frontends(state: ForwardingState, id = 'default/web:/tcp/4'): string[] | undefined {
  return state.get(id)?.frontends.map(show);
}

function show(frontend: Frontend): string {
  const place = frontend.kind === 'NodePort' ? '' : ` ${frontend.address}`;
  const ranges = frontend.kind === 'LoadBalancerIP' && frontend.sourceRanges;
  return `${frontend.kind}${place} ${frontend.port} ${frontend.policy}${ranges ? ` [${ranges.join(' ')}]` : ''}`;
}

function problems(state: ForwardingState): string[] {
  return state.problems().map(({ object, reason, message }) => `${object.name} ${reason}: ${message}`);
}

describe('where a Service port is reached', () => {
  it('every kind of address, with its own traffic policy', () => {
    const state = stateOf({
      'default/web': service({
        type: 'LoadBalancer',
        ports: [{ port: 80, nodePort: 30080 }],
        externalIPs: ['192.0.2.7'],
        ingress: [{ ip: '198.51.100.1' }],
        internalTrafficPolicy: 'Local',
        externalTrafficPolicy: 'Cluster',
      }),
    });
    expect(frontends(state)).toEqual([
      'ClusterIP 10.96.0.1 80 Local',
      'ExternalIP 192.0.2.7 80 Cluster',
      'LoadBalancerIP 198.51.100.1 80 Cluster',
      'NodePort 30080 Cluster',
    ]);
  });

  it('external policy Local is of every external address and not of the ClusterIP', () => {
    const state = stateOf({
      'default/web': service({
        ports: [{ port: 80, nodePort: 30080 }],
        externalIPs: ['192.0.2.7'],
        ingress: [{ ip: '198.51.100.1' }],
        externalTrafficPolicy: 'Local',
      }),
    });
    expect(frontends(state)).toEqual([
      'ClusterIP 10.96.0.1 80 Cluster',
      'ExternalIP 192.0.2.7 80 Local',
      'LoadBalancerIP 198.51.100.1 80 Local',
      'NodePort 30080 Local',
    ]);
  });

  it('a load balancer without node ports has none', () => {
    const state = stateOf({
      'default/web': service({
        type: 'LoadBalancer',
        ports: [{ port: 80, nodePort: 0 }],
        ingress: [{ ip: '198.51.100.1' }],
      }),
    });
    expect(frontends(state)).toEqual(['ClusterIP 10.96.0.1 80 Cluster', 'LoadBalancerIP 198.51.100.1 80 Cluster']);
  });

  it('ingress entries of mode Proxy and with only a host name are left to the load balancer', () => {
    const ingress = [
      { ip: '198.51.100.1', ipMode: 'Proxy' },
      { hostname: 'lb.example.org' },
      { ip: '198.51.100.2', ipMode: 'VIP' },
    ];
    const state = stateOf({ 'default/web': service({ ingress }) });
    expect(frontends(state)).toEqual(['ClusterIP 10.96.0.1 80 Cluster', 'LoadBalancerIP 198.51.100.2 80 Cluster']);
    expect(problems(state)).toEqual([]);
  });

  it('addresses go to the family they are of, and none to a family without ClusterIP', () => {
    const parts = { externalIPs: ['192.0.2.7', '2001:DB8::7'], ingress: [{ ip: '2001:db8::9' }] };
    const state = stateOf({
      'default/web': service(parts),
      'default/both': service({ clusterIPs: ['10.96.0.2', 'fd00::2'], ...parts, externalIPs: ['2001:DB8::7'] }),
    });
    expect(frontends(state)).toEqual(['ClusterIP 10.96.0.1 80 Cluster', 'ExternalIP 192.0.2.7 80 Cluster']);
    expect(frontends(state, 'default/both:/tcp/6')).toEqual([
      'ClusterIP fd00::2 80 Cluster',
      'ExternalIP 2001:db8::7 80 Cluster',
      'LoadBalancerIP 2001:db8::9 80 Cluster',
    ]);
    expect(problems(state)).toEqual([]);
  });

  it('a malformed external address is reported and the others work', () => {
    const state = stateOf({
      'default/web': service({ externalIPs: ['192.0.2.300', '192.0.2.7'], ingress: [{ ip: 'lb' }] }),
    });
    expect(frontends(state)).toEqual(['ClusterIP 10.96.0.1 80 Cluster', 'ExternalIP 192.0.2.7 80 Cluster']);
    expect(problems(state)).toEqual([
      'web InvalidAddress: external IP "192.0.2.300" is not an IP address; it is left out',
      'web InvalidAddress: load-balancer IP "lb" is not an IP address; it is left out',
    ]);
  });

  it('an address given twice in one Service is there once: load balancer before external IP, ClusterIP before both', () => {
    const state = stateOf({
      'default/web': service({
        externalIPs: ['198.51.100.1', '192.0.2.7', '192.0.2.007', '10.96.0.1'],
        ingress: [{ ip: '198.51.100.1' }, { ip: '198.51.100.1' }],
        loadBalancerSourceRanges: ['10.0.0.0/8'],
      }),
    });
    expect(frontends(state)).toEqual([
      'ClusterIP 10.96.0.1 80 Cluster',
      'ExternalIP 192.0.2.7 80 Cluster',
      'LoadBalancerIP 198.51.100.1 80 Cluster [10.0.0.0/8]',
    ]);
    expect(problems(state)).toEqual([]);
  });

  it('a bad node port costs the node port only', () => {
    const state = stateOf({ 'default/web': service({ ports: [{ port: 80, nodePort: 70000 }] }) });
    expect(frontends(state)).toEqual(['ClusterIP 10.96.0.1 80 Cluster']);
    expect(state.problems()).toMatchObject([{ reason: 'InvalidPort' }]);
  });

  it('a policy that Kubernetes does not define is Cluster, and reported', () => {
    const state = stateOf({ 'default/web': service({ internalTrafficPolicy: 'Sideways' }) });
    expect(frontends(state)).toEqual(['ClusterIP 10.96.0.1 80 Cluster']);
    expect(state.problems()).toMatchObject([{ reason: 'InvalidValue' }]);
  });
});

describe('who may connect to load-balancer addresses', () => {
  const open = 'everybody';
  it.each<[string, string[], string | string[], string | string[]]>([
    ['no ranges: everybody', [], open, open],
    ['ranges, with spaces around them', [' 10.0.0.0/8', '2001:db8::/32 '], ['10.0.0.0/8'], ['2001:db8::/32']],
    [
      'host bits are cleared, and ranges inside others are left out',
      ['10.1.2.3/8', '10.9.0.0/16', '::/1'],
      ['10.0.0.0/8'],
      ['::/1'],
    ],
    [
      'ranges are united: adjacent, nested, given twice',
      ['10.128.0.0/9', '10.0.0.0/9', '10.0.0.0/8', '192.0.2.1/32', 'fd00::/9', 'fd80::/9', 'fd00::5:6/128'],
      ['10.0.0.0/8', '192.0.2.1'],
      ['fd00::/8'],
    ],
    ['/0 admits everybody of its family', ['0.0.0.0/0', '10.0.0.0/8', '::/0'], open, open],
    ['IPv6 /0 admits nobody over IPv4', ['::/0', '10.244.0.0/16'], ['10.244.0.0/16'], open],
    ['IPv4 /0 admits nobody over IPv6', ['0.0.0.0/0', 'fd00:10:244::/48'], open, ['fd00:10:244::/48']],
    ['/0 of one family alone leaves the other closed', ['::/0'], [], open],
    ['a malformed range beside the /0 of the other family', ['::/0', '10.0.0.0/33'], [], open],
    ['only malformed ranges admit nobody', ['10.0.0.0', 'office'], [], []],
    [
      'a malformed range admits nobody, the others hold',
      ['office', '10.0.0.0/8', 'fd00::/8'],
      ['10.0.0.0/8'],
      ['fd00::/8'],
    ],
    ['a family without a range is closed', ['10.0.0.0/8'], ['10.0.0.0/8'], []],
  ])('%s', (_, loadBalancerSourceRanges, four, six) => {
    const state = stateOf({
      'default/web': service({
        clusterIPs: ['10.96.0.1', 'fd00::1'],
        ingress: [{ ip: '198.51.100.1' }, { ip: '2001:db8::9' }],
        loadBalancerSourceRanges,
      }),
    });
    const admitted = (id: string) => {
      const frontend = state.get(id)?.frontends.find(({ kind }) => kind === 'LoadBalancerIP');
      return frontend?.kind === 'LoadBalancerIP' ? (frontend.sourceRanges ?? open) : 'no such address';
    };
    expect(admitted('default/web:/tcp/4')).toEqual(four);
    expect(admitted('default/web:/tcp/6')).toEqual(six);
  });

  it('a change of nothing but the ranges, or of nothing but the policy, is a change', () => {
    const parts = { ingress: [{ ip: '198.51.100.1' }], loadBalancerSourceRanges: ['10.0.0.0/8'] };
    const state = stateOf({ 'default/web': service(parts) });
    const after = (more: object) =>
      state.applyService('default/web', service({ ...parts, ...more })).changed.get('default/web:/tcp/4')?.frontends;
    const narrowed = after({ loadBalancerSourceRanges: ['10.1.0.0/16'] });
    expect(narrowed?.map(show)).toContain('LoadBalancerIP 198.51.100.1 80 Cluster [10.1.0.0/16]');
    expect(after({ loadBalancerSourceRanges: [] })?.map(show)).toContain('LoadBalancerIP 198.51.100.1 80 Cluster');
    expect(after({})?.map(show)).toContain('LoadBalancerIP 198.51.100.1 80 Cluster [10.0.0.0/8]');
    expect(after({ externalTrafficPolicy: 'Local' })?.map(show)).toContain(
      'LoadBalancerIP 198.51.100.1 80 Local [10.0.0.0/8]',
    );
  });

  it('says so if nobody is admitted because every range is malformed', () => {
    const state = stateOf({ 'default/web': service({ loadBalancerSourceRanges: ['office', 'home'] }) });
    expect(problems(state)).toEqual([
      'web InvalidSourceRange: source range "office" is not a CIDR: it has no prefix length; no range is left, so nobody is admitted (and 1 more like it)',
    ]);
  });

  it('says so if a family with a load-balancer address has no range', () => {
    const parts = { clusterIPs: ['10.96.0.1', 'fd00::1'], loadBalancerSourceRanges: ['10.0.0.0/8'] };
    const state = stateOf({
      'default/web': service({ ...parts, ingress: [{ ip: '198.51.100.1' }, { ip: '2001:db8::9' }] }),
    });
    expect(state.problems()).toMatchObject([{ reason: 'NoSourceRangeForFamily' }]);
    state.applyService('default/web', service({ ...parts, ingress: [{ ip: '198.51.100.1' }] }));
    expect(state.problems()).toEqual([]);
  });
});

describe('two Services want the same address, port and protocol', () => {
  const early = '2026-01-01T00:00:00Z';
  const late = '2026-01-02T00:00:00Z';
  const claimant = (parts: Parameters<typeof service>[0], last: number) =>
    service({ clusterIPs: [`10.96.0.${last}`], externalIPs: ['192.0.2.1'], ...parts });

  /** Who has 192.0.2.1:80 when the Services arrive in this order. */
  function holders(services: [string, ServiceObject][]): string[] {
    const state = stateOf(Object.fromEntries(services));
    return [...state.values()]
      .filter(({ frontends: all }) => all.some((one) => one.kind !== 'NodePort' && one.address === '192.0.2.1'))
      .map(({ name }) => name);
  }

  it.each<[string, [string, ServiceObject][], string]>([
    [
      'the older one has it',
      [
        ['a/young', claimant({ created: late }, 1)],
        ['b/old', claimant({ created: early }, 2)],
      ],
      'old',
    ],
    [
      'of the same age, the first by namespace and name',
      [
        ['b/second', claimant({}, 1)],
        ['a/first', claimant({}, 2)],
      ],
      'first',
    ],
    [
      'one without a creation time comes last',
      [
        ['a/timeless', claimant({ created: 'never' }, 1)],
        ['b/old', claimant({}, 2)],
      ],
      'old',
    ],
    [
      'nobody takes a ClusterIP by naming it as an external address, however old',
      [
        ['a/thief', claimant({ created: early }, 1)],
        ['b/owner', service({ clusterIPs: ['192.0.2.1'], created: late })],
      ],
      'owner',
    ],
    [
      'a load-balancer IP and an external IP are equals',
      [
        ['a/young', service({ created: late, ingress: [{ ip: '192.0.2.1' }] })],
        ['b/old', claimant({ created: early }, 2)],
      ],
      'old',
    ],
  ])('%s, in whatever order they arrive', (_, services, winner) => {
    expect(holders(services)).toEqual([winner]);
    expect(holders(services.toReversed())).toEqual([winner]);
  });

  it('the loser keeps its other addresses and is told whose the lost one is', () => {
    const state = stateOf({
      'default/web': claimant({ created: late, ports: [{ port: 80, nodePort: 30080 }] }, 1),
      'other/api': claimant({ created: early, ports: [{ port: 80, nodePort: 30080 }] }, 2),
    });
    expect(frontends(state)).toEqual(['ClusterIP 10.96.0.1 80 Cluster']);
    expect(problems(state)).toEqual([
      'web FrontendConflict: ExternalIP 192.0.2.1:80/tcp belongs to Service other/api; remove it from one of the two',
      'web FrontendConflict: NodePort 30080/tcp (IPv4) belongs to Service other/api; remove it from one of the two',
    ]);
  });

  it('other ports and protocols of the same address are no conflict', () => {
    const state = stateOf({
      'a/web': claimant({ ports: [{ port: 80 }] }, 1),
      'b/tls': claimant({ ports: [{ port: 443 }] }, 2),
      'c/quic': claimant({ ports: [{ port: 80, protocol: 'UDP' }] }, 3),
    });
    expect(problems(state)).toEqual([]);
  });

  it('when the winner goes, the next one takes over at once; when it comes back, it has it back', () => {
    const winner = claimant({ created: early }, 1);
    const state = stateOf({
      'a/winner': winner,
      'b/next': claimant({ created: late }, 2),
      'c/last': claimant({ created: late }, 3),
    });
    const gone = state.applyService('a/winner', undefined);
    expect([...gone.changed.keys()].sort()).toEqual(['a/winner:/tcp/4', 'b/next:/tcp/4']);
    expect(gone.changed.get('b/next:/tcp/4')?.frontends.map(show)).toContain('ExternalIP 192.0.2.1 80 Cluster');
    expect(gone.problems.removed.map(({ object }) => object.name).sort()).toEqual(['last', 'next']);
    expect(gone.problems.added).toMatchObject([{ object: { name: 'last' } }]);

    const back = state.applyService('a/winner', winner);
    expect([...back.changed.keys()].sort()).toEqual(['a/winner:/tcp/4', 'b/next:/tcp/4']);
    expect(back.changed.get('b/next:/tcp/4')?.frontends.map(show)).toEqual(['ClusterIP 10.96.0.2 80 Cluster']);
  });

  it('a Service that gives the address up hands it over without being deleted', () => {
    const state = stateOf({ 'a/winner': claimant({ created: early }, 1), 'b/next': claimant({ created: late }, 2) });
    const { changed } = state.applyService('a/winner', service({ created: early }));
    expect([...changed.keys()].sort()).toEqual(['a/winner:/tcp/4', 'b/next:/tcp/4']);
    expect(state.problems()).toEqual([]);
  });

  it('two ports of one Service with the same number: the first by id has it', () => {
    const ports = [
      { name: 'b', port: 80 },
      { name: 'a', port: 80 },
    ];
    const state = stateOf({ 'default/web': service({ ports }) });
    expect(frontends(state, 'default/web:a/tcp/4')).toEqual(['ClusterIP 10.96.0.1 80 Cluster']);
    expect(frontends(state, 'default/web:b/tcp/4')).toEqual([]);
    expect(state.problems()).toMatchObject([{ object: { name: 'web' }, reason: 'FrontendConflict' }]);
  });
});

describe('health-check node ports', () => {
  const balanced = {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 32000,
    clusterIPs: ['10.96.0.1', 'fd00::1'],
  };
  const here = (address: string, more = {}) => ({ addresses: [address], nodeName: 'here', ...more });

  it('count the distinct ready addresses on this node, of each family', () => {
    const state = stateOf({ 'default/web': service(balanced) });
    const endpoints = [
      here('10.0.0.1'),
      here('10.0.0.2', { conditions: { ready: false, serving: true, terminating: true } }),
      { addresses: ['10.0.0.3'], nodeName: 'there' },
    ];
    state.applyEndpointSlice('default/w1', slice('web', endpoints));
    state.applyEndpointSlice('default/w2', slice('web', [here('10.0.0.1'), here('10.0.0.4')]));
    state.applyEndpointSlice('default/w3', slice('web', [here('fd01::1')], { addressType: 'IPv6' }));
    expect([...state.healthCheckNodePorts()]).toEqual([
      ['default/web', { port: 32000, localReadyEndpoints: 2, byFamily: { 4: 2, 6: 1 } }],
    ]);
  });

  it('an endpoint of weight 0 does not attract a load balancer', () => {
    const state = stateOf({ 'default/web': service(balanced) });
    const drained = slice('web', [here('10.0.0.1')], { annotations: { 'nftproxy.io/weight': '0' } });
    state.applyEndpointSlice('default/w1', drained);
    expect(state.healthCheckNodePorts().get('default/web')).toMatchObject({ port: 32000, localReadyEndpoints: 0 });
  });

  it.each([
    ['type NodePort', { type: 'NodePort' }],
    ['external policy Cluster', { externalTrafficPolicy: 'Cluster' }],
    ['no port given', { healthCheckNodePort: 0 }],
  ])('there is none with %s', (_, parts) => {
    const state = stateOf({ 'default/web': service({ ...balanced, ...parts }) });
    expect(state.healthCheckNodePorts().size).toBe(0);
  });

  it('a Change says when they differ, and only then', () => {
    const state = new ForwardingState(config);
    expect(state.applyService('default/web', service(balanced)).healthChecksChanged).toBe(true);
    expect(state.applyEndpointSlice('default/w', slice('web', ['10.0.0.1'])).healthChecksChanged).toBe(false);
    expect(state.applyEndpointSlice('default/w', slice('web', [here('10.0.0.1')])).healthChecksChanged).toBe(true);
    expect(state.setConfig({ ...config, nodeName: 'there' }).healthChecksChanged).toBe(true);
    expect(state.applyService('default/web', undefined).healthChecksChanged).toBe(true);
    expect(state.healthCheckNodePorts().size).toBe(0);
  });
});

describe('a problem that quotes what somebody wrote', () => {
  it.each([
    ['a control character', '10.\u00806.0.1', String.raw`10.\u00806.0.1`],
    ['the end of a line', '10.\u2028.0.1', String.raw`10.\u2028.0.1`],
    ['another direction of writing', '\u202e1.0.0.01', String.raw`\u202e1.0.0.01`],
  ])('is one line of printable characters, also of %s', (_what, clusterIP, shown) => {
    const state = stateOf({ 'default/web': service({ clusterIPs: [clusterIP] }) });
    expect(problems(state)).toEqual([`web InvalidAddress: ClusterIP "${shown}" is not an IP address; it is left out`]);
  });
});
