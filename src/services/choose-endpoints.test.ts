import { describe, expect, it } from 'vitest';
import { service, slice } from './testing/index.ts';
import { ForwardingState } from './forwarding-state.ts';
import type { EndpointObject, ServiceObject } from './objects.ts';

const ready = { ready: true, serving: true, terminating: false };
const unready = { ready: false, serving: false, terminating: false };
const draining = { ready: false, serving: true, terminating: true };
const dying = { ready: false, serving: false, terminating: true };

const cluster = service();
const local = service({ internalTrafficPolicy: 'Local' });
const externalLocal = service({
  type: 'NodePort',
  ports: [{ port: 80, nodePort: 30080 }],
  externalTrafficPolicy: 'Local',
});

/** The endpoints 10.0.0.1, 10.0.0.2 ... with these conditions, nodes and hints. */
function choose(object: ServiceObject, endpoints: readonly EndpointObject[], zone?: string) {
  const state = new ForwardingState({ defaultAlgorithm: 'random', maglevTableSize: 1021, nodeName: 'here' });
  if (zone !== undefined) state.setNode({ labels: { 'topology.kubernetes.io/zone': zone } });
  state.applyService('default/web', object);
  const numbered = endpoints.map((one, index) => ({ addresses: [`10.0.0.${index + 1}`], ...one }));
  state.applyEndpointSlice('default/web-1', slice('web', numbered));
  const port = state.get('default/web:/tcp/4');
  const last = (list: readonly { address: string }[] | undefined) =>
    list?.map(({ address }) => Number(address.slice(7)));
  return { cluster: last(port?.clusterEndpoints), local: last(port?.localEndpoints), any: port?.hasAnyEndpoints };
}

describe('which endpoints get new connections', () => {
  const here = 'here';
  it.each<[string, ServiceObject, EndpointObject[], ReturnType<typeof choose>]>([
    ['no endpoints: none anywhere', cluster, [], { cluster: [], local: [], any: false }],
    ['conditions left out: ready', cluster, [{}], { cluster: [1], local: [], any: true }],
    ['ready unknown: ready', cluster, [{ conditions: { ready: null } }], { cluster: [1], local: [], any: true }],
    [
      'ready ones only, as long as there are any',
      cluster,
      [{ conditions: ready }, { conditions: unready }, { conditions: draining }, { conditions: dying }],
      { cluster: [1], local: [], any: true },
    ],
    [
      'none is ready: those that still serve while they terminate',
      cluster,
      [{ conditions: unready }, { conditions: draining }, { conditions: dying }],
      { cluster: [2], local: [], any: true },
    ],
    [
      'nobody is ready or serving',
      cluster,
      [{ conditions: unready }, { conditions: dying }],
      { cluster: [], local: [], any: false },
    ],
    [
      'ready although terminating (publishNotReadyAddresses)',
      cluster,
      [{ conditions: { ready: true, serving: false, terminating: true } }],
      { cluster: [1], local: [], any: true },
    ],
    [
      'internal policy Local: those of this node, and no others',
      local,
      [{ nodeName: here }, { nodeName: 'there' }, {}],
      { cluster: [], local: [1], any: true },
    ],
    [
      'internal policy Local and none here: none, but there are some elsewhere (drop, not reject)',
      local,
      [{ nodeName: 'there' }],
      { cluster: [], local: [], any: true },
    ],
    [
      'internal policy Local, only draining ones elsewhere: still some elsewhere',
      local,
      [{ nodeName: 'there', conditions: draining }],
      { cluster: [], local: [], any: true },
    ],
    [
      'internal policy Local and only dead ones: none anywhere (reject)',
      local,
      [{ nodeName: 'there', conditions: dying }],
      { cluster: [], local: [], any: false },
    ],
    [
      'external policy Local: local ones, and all of them for the short circuits',
      externalLocal,
      [{ nodeName: here }, { nodeName: 'there' }],
      { cluster: [1, 2], local: [1], any: true },
    ],
    [
      'the two lists fall back to draining endpoints independently',
      externalLocal,
      [
        { nodeName: here, conditions: draining },
        { nodeName: 'there', conditions: ready },
      ],
      { cluster: [2], local: [1], any: true },
    ],
    [
      'external policy Local without any external address does not matter',
      service({ externalTrafficPolicy: 'Local' }),
      [{ nodeName: here }],
      { cluster: [1], local: [], any: true },
    ],
    [
      'internal policy Local with an external address needs both lists',
      service({ internalTrafficPolicy: 'Local', externalIPs: ['192.0.2.1'] }),
      [{ nodeName: here }, {}],
      { cluster: [1, 2], local: [1], any: true },
    ],
  ])('%s', (_, object, endpoints, expected) => {
    expect(choose(object, endpoints)).toEqual(expected);
  });

  it('an endpoint of weight 0 stays in the list: it is for the data plane to send it nothing new', () => {
    const state = new ForwardingState({ defaultAlgorithm: 'random', maglevTableSize: 1021, nodeName: 'here' });
    state.applyService('default/web', service());
    state.applyEndpointSlice('default/w', slice('web', ['10.0.0.1'], { annotations: { 'nftproxy.io/weight': '0' } }));
    expect(state.get('default/web:/tcp/4')).toMatchObject({
      clusterEndpoints: [{ address: '10.0.0.1', weight: 0 }],
      hasAnyEndpoints: true,
    });
  });
});

describe('topology hints', () => {
  const node = (...names: string[]): EndpointObject => ({ hints: { forNodes: names.map((name) => ({ name })) } });
  const zone = (...names: string[]): EndpointObject => ({ hints: { forZones: names.map((name) => ({ name })) } });
  const both = (nodeName: string, zoneName: string): EndpointObject => ({
    hints: { forNodes: [{ name: nodeName }], forZones: [{ name: zoneName }] },
  });

  it.each<[string, EndpointObject[], string | undefined, number[]]>([
    ['same zone: those hinted for it', [zone('a'), zone('b'), zone('b', 'a')], 'a', [1, 3]],
    ['one endpoint has no hint: all', [zone('a'), zone('b'), {}], 'a', [1, 2, 3]],
    ['nobody is hinted for this zone: all', [zone('b'), zone('c')], 'a', [1, 2]],
    ['this node has no zone: all', [zone('a'), zone('b')], undefined, [1, 2]],
    ['an empty zone label is no zone', [zone(''), zone('b')], '', [1, 2]],
    ['same node: those hinted for it', [node('here'), node('there')], 'a', [1]],
    ['nobody is hinted for this node, no zones: all', [node('there'), node('elsewhere')], 'a', [1, 2]],
    ['nobody on this node: the zone', [both('there', 'a'), both('elsewhere', 'b')], 'a', [1]],
    ['the node comes before the zone', [both('here', 'a'), both('there', 'a')], 'a', [1]],
    ['a missing node hint falls to the zone', [both('here', 'a'), zone('a'), zone('b')], 'a', [1, 2]],
    ['hints of endpoints that are not ready do not count', [zone('a'), zone('b'), { conditions: unready }], 'a', [1]],
    ['none ready: hints are ignored', [{ ...zone('b'), conditions: draining }], 'a', [1]],
  ])('%s', (_, endpoints, nodeZone, expected) => {
    expect(choose(cluster, endpoints, nodeZone).cluster).toEqual(expected);
  });

  it('never touch the local list', () => {
    const endpoints = [
      { nodeName: 'here', ...zone('b') },
      { nodeName: 'there', ...zone('a') },
    ];
    expect(choose(externalLocal, endpoints, 'a')).toEqual({ cluster: [2], local: [1], any: true });
  });

  it('a node that moves to another zone changes the hinted Services and no others', () => {
    const state = new ForwardingState({ defaultAlgorithm: 'random', maglevTableSize: 1021, nodeName: 'here' });
    state.applyService('default/hinted', service());
    state.applyService('default/plain', service({ clusterIPs: ['10.96.0.2'] }));
    const hinted = ['a', 'b'].map((name, index) => ({ addresses: [`10.0.0.${index}`], ...zone(name) }));
    state.applyEndpointSlice('default/h', slice('hinted', hinted));
    state.applyEndpointSlice('default/p', slice('plain', ['10.0.0.1', '10.0.0.2']));
    const move = (name: string) => [...state.setNode({ labels: { 'topology.kubernetes.io/zone': name } }).changed];
    expect(move('a')).toMatchObject([['default/hinted:/tcp/4', { clusterEndpoints: [{ address: '10.0.0.0' }] }]]);
    expect(move('a')).toEqual([]);
    expect(move('b')).toMatchObject([['default/hinted:/tcp/4', { clusterEndpoints: [{ address: '10.0.0.1' }] }]]);
    expect([...state.setNode(undefined).changed.keys()]).toEqual(['default/hinted:/tcp/4']);
  });
});
