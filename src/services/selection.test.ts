import { describe, expect, it } from 'vitest';
import { service, slice } from './testing/index.ts';
import { ForwardingState } from './forwarding-state.ts';
import type { EndpointSliceObject, ServiceObject } from './objects.ts';

const config = { defaultAlgorithm: 'random', maglevTableSize: 1021, nodeName: 'here' } as const;

function stateOf(services: Record<string, ServiceObject>, slices: Record<string, EndpointSliceObject> = {}) {
  const state = new ForwardingState(config);
  for (const [key, object] of Object.entries(services)) state.applyService(key, object);
  for (const [key, object] of Object.entries(slices)) state.applyEndpointSlice(key, object);
  return state;
}

function ids(state: ForwardingState): string[] {
  return [...state.values()].map(({ id }) => id).sort();
}

function targets(state: ForwardingState, id: string): string[] | undefined {
  return state.get(id)?.clusterEndpoints.map(({ address, port }) => `${address} ${port}`);
}

describe('which Services are served', () => {
  it.each<[string, ServiceObject]>([
    ['is headless', service({ clusterIPs: ['None'] })],
    ['is headless, as old objects say it', service({ clusterIPs: [], clusterIP: 'None' })],
    ['has no ClusterIP yet', service({ clusterIPs: [], clusterIP: '' })],
    ['is an ExternalName, even with a ClusterIP', service({ type: 'ExternalName' })],
    ['belongs to another proxy', service({ labels: { 'service.kubernetes.io/service-proxy-name': '' } })],
    ['has no spec', {}],
  ])('not one that %s', (_, object) => {
    const state = stateOf({ 'default/web': object });
    expect(ids(state)).toEqual([]);
    expect(state.problems()).toEqual([]);
    expect(state.stats.services).toBe(0);
  });

  it('labelling a Service for another proxy deletes it here, and taking the label off brings it back', () => {
    const state = stateOf({ 'default/web': service() });
    const labelled = service({ labels: { 'service.kubernetes.io/service-proxy-name': 'other' } });
    expect([...state.applyService('default/web', labelled).changed]).toEqual([['default/web:/tcp/4', undefined]]);
    expect([...state.applyService('default/web', service()).changed.keys()]).toEqual(['default/web:/tcp/4']);
  });

  it('a dual-stack Service has its ports in both families, one of IPv6 only there', () => {
    const state = stateOf({
      'default/both': service({ clusterIPs: ['10.96.0.1', 'fd00::1'] }),
      'default/six': service({ clusterIPs: ['FD00::0002'] }),
    });
    expect(ids(state)).toEqual(['default/both:/tcp/4', 'default/both:/tcp/6', 'default/six:/tcp/6']);
    expect(state.get('default/six:/tcp/6')?.frontends).toEqual([
      { kind: 'ClusterIP', address: 'fd00::2', port: 80, policy: 'Cluster' },
    ]);
  });

  it('of several ClusterIPs of one family the first is served', () => {
    const state = stateOf({ 'default/web': service({ clusterIPs: ['10.96.0.1', '10.96.0.2'] }) });
    expect([...state.values()].map(({ frontends }) => frontends)).toMatchObject([[{ address: '10.96.0.1' }]]);
    expect(state.problems()).toEqual([]);
  });

  it('old objects with clusterIP alone are served', () => {
    const spec = { clusterIP: '10.96.0.7', ports: [{ port: 80 }] };
    expect(ids(stateOf({ 'default/web': { spec } }))).toEqual(['default/web:/tcp/4']);
  });

  it('the same port number for TCP, UDP and SCTP makes three independent Service ports', () => {
    const ports = ['TCP', 'UDP', 'SCTP'].map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: 53 }));
    const state = stateOf({ 'default/dns': service({ ports }) });
    expect(ids(state)).toEqual(['default/dns:sctp/sctp/4', 'default/dns:tcp/tcp/4', 'default/dns:udp/udp/4']);
    expect(state.problems()).toEqual([]);
  });

  it('names of impossible length disturb nobody', () => {
    const name = `a/${'x'.repeat(1000)}`;
    const state = stateOf({
      [name]: service({ ports: [{ name: 'p\u0000\n:/'.repeat(100), port: 80 }], externalIPs: ['nonsense'] }),
      'a/web': service({ clusterIPs: ['10.96.0.2'] }),
    });
    expect(state.stats.servicePorts).toBe(2);
    expect(ids(state)).toContain('a/web:/tcp/4');
    expect(state.problems().every(({ message }) => message.length <= 256)).toBe(true);
  });

  it.each([
    [{ port: 0 }],
    [{ port: 65536 }],
    [{ port: 80.5 }],
    [{ port: -1 }],
    [{}],
    [{ port: 80, protocol: 'ICMP' }],
    [null],
    [{ port: '80' as unknown as number }],
  ])('an impossible port is left out and reported, the others are served: %j', (bad) => {
    const state = stateOf({ 'default/web': service({ ports: [bad, { name: 'good', port: 81 }] }) });
    expect(ids(state)).toEqual(['default/web:good/tcp/4']);
    expect(state.problems()).toMatchObject([
      { object: { kind: 'Service', namespace: 'default', name: 'web' }, reason: 'InvalidPort' },
    ]);
  });

  it('a malformed ClusterIP is reported', () => {
    const state = stateOf({ 'default/web': service({ clusterIPs: ['10.96.0.300'] }) });
    expect(ids(state)).toEqual([]);
    expect(state.problems()).toMatchObject([{ reason: 'InvalidAddress' }]);
  });

  it.each(['text', 5, [], { spec: 7 }, { spec: { clusterIPs: 'x', clusterIP: 5, ports: {} } }, { metadata: null }])(
    'garbage instead of an object is ignored: %j',
    (garbage) => {
      // What an API server of the future, or a broken one, might send.
      const state = new ForwardingState(config);
      state.applyService('default/web', garbage as unknown as ServiceObject);
      state.applyEndpointSlice('default/web', garbage as unknown as EndpointSliceObject);
      expect(ids(state)).toEqual([]);
    },
  );
});

describe('which endpoints belong to a Service port', () => {
  const ports = [
    { name: 'http', port: 80 },
    { name: 'metrics', port: 9090 },
  ];

  it('Service and slice ports are joined by name, so that a named target port may differ from slice to slice', () => {
    const state = stateOf(
      { 'default/web': service({ ports }) },
      {
        'default/web-1': slice('web', ['10.0.0.1'], { ports: [{ name: 'http', port: 8080 }] }),
        'default/web-2': slice('web', ['10.0.0.2'], {
          ports: [
            { name: 'http', port: 3000 },
            { name: 'metrics', port: 3001 },
          ],
        }),
      },
    );
    expect(targets(state, 'default/web:http/tcp/4')).toEqual(['10.0.0.1 8080', '10.0.0.2 3000']);
    expect(targets(state, 'default/web:metrics/tcp/4')).toEqual(['10.0.0.2 3001']);
  });

  it('the protocol has to be the same too', () => {
    const state = stateOf(
      { 'default/web': service() },
      { 'default/web-1': slice('web', ['10.0.0.1'], { ports: [{ name: '', port: 53, protocol: 'UDP' }] }) },
    );
    expect(targets(state, 'default/web:/tcp/4')).toEqual([]);
  });

  it.each([
    ['of another namespace', 'other/web-1', slice('web', ['10.0.0.1'])],
    [
      'of a headless Service',
      'default/w',
      slice('web', ['10.0.0.1'], { labels: { 'service.kubernetes.io/headless': '' } }),
    ],
    [
      'of another proxy',
      'default/w',
      slice('web', ['10.0.0.1'], { labels: { 'service.kubernetes.io/service-proxy-name': 'x' } }),
    ],
    ['with host names', 'default/w', slice('web', ['example.org'], { addressType: 'FQDN' })],
    [
      'without a port number',
      'default/w',
      slice('web', ['10.0.0.1'], { ports: [{ name: '' }, { name: '', port: 0 }] }),
    ],
    ['of no Service', 'default/w', { ...slice('web', ['10.0.0.1']), metadata: {} }],
  ])('a slice %s is ignored', (_, key, object) => {
    const state = stateOf({ 'default/web': service() }, { [key]: object });
    expect(targets(state, 'default/web:/tcp/4')).toEqual([]);
    expect(state.problems()).toEqual([]);
  });

  it('slices that come before their Service are waiting for it', () => {
    const state = stateOf({}, { 'default/web-1': slice('web', ['10.0.0.1']) });
    state.applyService('default/web', service());
    expect(targets(state, 'default/web:/tcp/4')).toEqual(['10.0.0.1 8080']);
  });

  it('a slice whose label changes takes its endpoints from one Service to the other', () => {
    const state = stateOf(
      { 'default/web': service(), 'default/api': service({ clusterIPs: ['10.96.0.2'] }) },
      { 'default/s': slice('web', ['10.0.0.1']) },
    );
    const { changed } = state.applyEndpointSlice('default/s', slice('api', ['10.0.0.1']));
    expect([...changed.keys()].sort()).toEqual(['default/api:/tcp/4', 'default/web:/tcp/4']);
    expect(targets(state, 'default/web:/tcp/4')).toEqual([]);
    expect(targets(state, 'default/api:/tcp/4')).toEqual(['10.0.0.1 8080']);
  });

  it('a malformed address is reported on the slice, once, and the other endpoints are used', () => {
    const bad = ['300.0.0.1', 'fd00::1', 'web.example.org', ''];
    const state = stateOf({ 'default/web': service() }, { 'default/web-1': slice('web', [...bad, '10.0.0.009']) });
    expect(targets(state, 'default/web:/tcp/4')).toEqual(['10.0.0.9 8080']);
    expect(state.problems()).toEqual([
      {
        object: { kind: 'EndpointSlice', namespace: 'default', name: 'web-1' },
        reason: 'InvalidAddress',
        message: 'address "300.0.0.1" is not an IP address; its endpoint is left out (and 3 more like it)',
      },
    ]);
    const { problems } = state.applyEndpointSlice('default/web-1', slice('web', ['10.0.0.9']));
    expect(problems).toMatchObject({ added: [], removed: [{ reason: 'InvalidAddress' }] });
  });

  it('only the first address of an endpoint counts', () => {
    const state = stateOf(
      { 'default/web': service() },
      { 'default/web-1': slice('web', [{ addresses: ['10.0.0.1', '10.0.0.2'] }]) },
    );
    expect(targets(state, 'default/web:/tcp/4')).toEqual(['10.0.0.1 8080']);
  });

  it('an endpoint in two slices is one endpoint, and the copy that is not terminating decides', () => {
    const dying = { addresses: ['10.0.0.1'], conditions: { ready: false, serving: true, terminating: true } };
    for (const [first, second] of [
      [dying, '10.0.0.1'],
      ['10.0.0.1', dying],
    ] as const) {
      const state = stateOf(
        { 'default/web': service() },
        { 'default/web-1': slice('web', [first]), 'default/web-2': slice('web', [second, '10.0.0.2']) },
      );
      expect(targets(state, 'default/web:/tcp/4')).toEqual(['10.0.0.1 8080', '10.0.0.2 8080']);
    }
  });

  const copy = (ready: boolean, serving: boolean, terminating: boolean) => ({
    addresses: ['10.0.0.1'],
    conditions: { ready, serving, terminating },
  });

  it.each([
    ['not terminating counts more than ready', copy(false, false, false), copy(true, true, true), []],
    ['ready counts more than not ready', copy(true, true, false), copy(false, true, false), ['10.0.0.1 8080']],
    ['serving counts more than not serving', copy(false, true, true), copy(false, false, true), ['10.0.0.1 8080']],
  ])('of two copies of an endpoint, %s', (_, better, worse, expected) => {
    for (const [first, second] of [
      [better, worse],
      [worse, better],
    ] as const) {
      const state = stateOf(
        { 'default/web': service() },
        { 'default/web-1': slice('web', [first]), 'default/web-2': slice('web', [second]) },
      );
      expect(targets(state, 'default/web:/tcp/4')).toEqual(expected);
    }
  });

  it('of equal copies, that of the first slice by name counts', () => {
    const weighted = (weight: string) => slice('web', ['10.0.0.1'], { annotations: { 'nftproxy.io/weight': weight } });
    const state = stateOf(
      { 'default/web': service() },
      { 'default/second': weighted('5'), 'default/first': weighted('3') },
    );
    expect(state.get('default/web:/tcp/4')?.clusterEndpoints).toMatchObject([{ address: '10.0.0.1', weight: 3 }]);
  });

  it('endpoints are sorted by address, then port, and the same address with two ports is two endpoints', () => {
    const at = (port: number, ...addresses: string[]) => slice('web', addresses, { ports: [{ name: '', port }] });
    const state = stateOf(
      { 'default/web': service() },
      { 'default/web-1': at(9000, '10.0.0.2', '10.0.0.1'), 'default/web-2': at(80, '10.0.0.2') },
    );
    expect(targets(state, 'default/web:/tcp/4')).toEqual(['10.0.0.1 9000', '10.0.0.2 80', '10.0.0.2 9000']);
  });

  it.each([
    ['0', 0],
    ['1', 1],
    [' 256 ', 256],
    ['007', 7],
  ])('weight annotation %j gives every endpoint of the slice that weight', (written, weight) => {
    const object = slice('web', ['10.0.0.1'], { annotations: { 'nftproxy.io/weight': written } });
    const state = stateOf({ 'default/web': service() }, { 'default/web-1': object });
    expect(state.get('default/web:/tcp/4')?.clusterEndpoints).toMatchObject([{ weight }]);
    expect(state.problems()).toEqual([]);
  });

  it.each(['257', '-1', '1.5', '', 'heavy', '1e2', '0x10'])(
    'weight annotation %j is reported and 1 is used',
    (written) => {
      const object = slice('web', ['10.0.0.1'], { annotations: { 'nftproxy.io/weight': written } });
      const state = stateOf({ 'default/web': service() }, { 'default/web-1': object });
      expect(state.get('default/web:/tcp/4')?.clusterEndpoints).toMatchObject([{ weight: 1 }]);
      expect(state.problems()).toMatchObject([{ object: { kind: 'EndpointSlice' }, reason: 'InvalidWeight' }]);
    },
  );
});
