import type { V1EndpointSlice, V1ObjectMeta, V1Service } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { ipvsSchedulers } from './algorithms.ts';
import { ForwardingState } from './forwarding-state.ts';
import type { EndpointSliceObject, NodeObject, ServiceObject } from './objects.ts';
import { reasons } from './reasons.ts';
import { service, slice } from './testing/index.ts';

const config = { defaultAlgorithm: 'random', maglevTableSize: 1021, nodeName: 'here' } as const;
const web = 'default/web:/tcp/4';

function stateOf(object: ServiceObject): ForwardingState {
  const state = new ForwardingState(config);
  state.applyService('default/web', object);
  return state;
}

describe('which algorithm balances', () => {
  const withAnnotations = (annotations: Record<string, string>) => stateOf(service({ annotations }));

  it('the configured one, if the Service says nothing', () => {
    const state = stateOf(service());
    expect(state.get(web)?.algorithm).toBe('random');
    const { changed } = state.setConfig({ ...config, defaultAlgorithm: 'maglev' });
    expect(changed.get(web)).toMatchObject({ algorithm: 'maglev', maglevTableSize: 1021 });
    expect(
      state.setConfig({ ...config, defaultAlgorithm: 'maglev', maglevTableSize: 251 }).changed.get(web),
    ).toMatchObject({
      maglevTableSize: 251,
    });
    expect(state.setConfig({ ...config }).changed.get(web)).not.toHaveProperty('maglevTableSize');
  });

  it('a Service that chooses for itself does not follow the configuration', () => {
    const state = withAnnotations({ 'nftproxy.io/algorithm': 'round-robin' });
    expect(state.setConfig({ ...config, defaultAlgorithm: 'maglev' }).changed.size).toBe(0);
  });

  it.each([
    ['random', 'random'],
    ['maglev', 'maglev'],
    [' Round-Robin ', 'round-robin'],
    ['rr', 'round-robin'],
    ['wrr', 'round-robin'],
    ['lc', 'least-connections'],
    ['wlc', 'least-connections'],
    ['sed', 'least-connections'],
    ['nq', 'least-connections'],
    ['sh', 'source-hash'],
    ['dh', 'source-hash'],
    ['mh', 'maglev'],
    ['twos', 'least-connections'],
  ])('%j means %s, by our annotation and by that of kube-router', (name, algorithm) => {
    for (const annotation of ['nftproxy.io/algorithm', 'kube-router.io/service.scheduler']) {
      const state = withAnnotations({ [annotation]: name });
      expect(state.get(web)?.algorithm).toBe(algorithm);
      expect(state.problems()).toEqual([]);
    }
  });

  it('our annotation comes before that of kube-router', () => {
    const annotations = { 'nftproxy.io/algorithm': 'maglev', 'kube-router.io/service.scheduler': 'rr' };
    expect(withAnnotations(annotations).get(web)?.algorithm).toBe('maglev');
  });

  it.each(['fastest', '', 'fo', 'ovf', 'constructor'])('%j is reported, and the default is used', (name) => {
    const state = withAnnotations({ 'nftproxy.io/algorithm': name });
    expect(state.get(web)?.algorithm).toBe('random');
    expect(state.problems()).toMatchObject([{ object: { kind: 'Service', name: 'web' }, reason: 'UnknownAlgorithm' }]);
  });

  it('every scheduler of IPVS has its line', () => {
    const all = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'mh', 'fo', 'ovf', 'twos'];
    expect([...ipvsSchedulers.keys()].sort()).toEqual(all.sort());
  });
});

describe('session affinity', () => {
  it.each([
    ['off by default', {}, undefined],
    ['None', { sessionAffinity: 'None', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }, undefined],
    ['ClientIP for three hours', { sessionAffinity: 'ClientIP' }, 10800],
    [
      'ClientIP for as long as it says',
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } },
      5,
    ],
  ])('%s', (_, parts, seconds) => {
    const state = stateOf(service(parts));
    expect(state.get(web)?.affinitySeconds).toBe(seconds);
    expect(state.problems()).toEqual([]);
  });

  it.each([0, -1, 86401, 1.5])('a timeout of %d seconds is reported, and three hours are used', (timeoutSeconds) => {
    const state = stateOf(
      service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds } } }),
    );
    expect(state.get(web)?.affinitySeconds).toBe(10800);
    expect(state.problems()).toMatchObject([{ reason: 'InvalidValue' }]);
  });

  it('switching it on and off changes the Service port', () => {
    const state = stateOf(service());
    const on = state.applyService('default/web', service({ sessionAffinity: 'ClientIP' }));
    expect(on.changed.get(web)?.affinitySeconds).toBe(10800);
    expect(state.applyService('default/web', service()).changed.get(web)).not.toHaveProperty('affinitySeconds');
  });
});

describe('events', () => {
  it('a changed slice changes the ports of its Service that it has endpoints for, in its family, and no others', () => {
    const state = new ForwardingState(config);
    const ports = [
      { name: 'http', port: 80 },
      { name: 'metrics', port: 9090 },
    ];
    state.applyService('default/web', service({ clusterIPs: ['10.96.0.1', 'fd00::1'], ports }));
    state.applyService('default/api', service({ clusterIPs: ['10.96.0.2'], ports }));
    const { changed } = state.applyEndpointSlice(
      'default/web-1',
      slice('web', ['10.0.0.1'], { ports: [{ name: 'http', port: 8080 }] }),
    );
    expect([...changed.keys()]).toEqual(['default/web:http/tcp/4']);
  });

  it('endpoints leave when their slice loses its port, or becomes one of the other family', () => {
    const state = stateOf(service({ clusterIPs: ['10.96.0.1', 'fd00::1'] }));
    const whole = slice('web', ['10.0.0.1']);
    for (const other of [
      slice('web', ['10.0.0.1'], { ports: [] }),
      slice('web', ['fd01::1'], { addressType: 'IPv6' }),
    ]) {
      state.applyEndpointSlice('default/w', whole);
      expect(state.applyEndpointSlice('default/w', other).changed.get(web)?.clusterEndpoints).toEqual([]);
    }
    expect(state.get('default/web:/tcp/6')?.clusterEndpoints).toMatchObject([{ address: 'fd01::1' }]);
  });

  it('the first endpoint on another node turns reject into drop for internal policy Local', () => {
    const state = stateOf(service({ internalTrafficPolicy: 'Local' }));
    const away = slice('web', [{ addresses: ['10.0.0.1'], nodeName: 'there' }]);
    expect(state.applyEndpointSlice('default/w', away).changed.get(web)?.hasAnyEndpoints).toBe(true);
    expect(state.applyEndpointSlice('default/w', undefined).changed.get(web)?.hasAnyEndpoints).toBe(false);
  });

  it('a change that makes no difference to forwarding is none', () => {
    const state = stateOf(service());
    state.applyEndpointSlice('default/w', slice('web', ['10.0.0.1', '10.0.0.2']));
    const reordered = state.applyEndpointSlice('default/w', slice('web', ['10.0.0.2', '10.0.0.01']));
    expect(reordered.changed.size).toBe(0);
    expect(state.applyService('default/web', service({ labels: { team: 'a' } })).changed.size).toBe(0);
  });

  it('what did not change stays the very same object, so that identity finds what did', () => {
    const state = stateOf(service());
    state.applyEndpointSlice('default/w', slice('web', ['10.0.0.1']));
    const before = state.get(web);
    const { changed } = state.applyService('default/web', service({ sessionAffinity: 'ClientIP' }));
    expect(changed.get(web)).not.toBe(before);
    expect(changed.get(web)?.clusterEndpoints).toBe(before?.clusterEndpoints);
    expect(changed.get(web)?.frontends).toBe(before?.frontends);
  });

  it('a Service of another family has its old ports deleted and its new ones added in one change', () => {
    const state = stateOf(service());
    const { changed } = state.applyService('default/web', service({ clusterIPs: ['fd00::1'] }));
    expect([...changed].map(([id, port]) => [id, port?.family])).toEqual([
      ['default/web:/tcp/4', undefined],
      ['default/web:/tcp/6', 6],
    ]);
  });

  it('deleting what was never there is no change', () => {
    const state = new ForwardingState(config);
    expect(state.applyService('default/web', undefined).changed.size).toBe(0);
    expect(state.applyEndpointSlice('default/web', undefined).changed.size).toBe(0);
  });

  it('another node name makes other endpoints local', () => {
    const state = stateOf(service({ internalTrafficPolicy: 'Local' }));
    state.applyEndpointSlice('default/w', slice('web', [{ addresses: ['10.0.0.1'], nodeName: 'there' }]));
    expect(state.get(web)?.localEndpoints).toEqual([]);
    const { changed } = state.setConfig({ ...config, nodeName: 'there' });
    expect(changed.get(web)?.localEndpoints).toMatchObject([{ address: '10.0.0.1', local: true }]);
  });

  it('counts what it follows', () => {
    const state = stateOf(service({ clusterIPs: ['10.96.0.1', 'fd00::1'] }));
    state.applyService('default/headless', service({ clusterIPs: ['None'] }));
    state.applyEndpointSlice('default/w', slice('web', ['10.0.0.1', '10.0.0.2']));
    expect(state.stats).toEqual({ services: 1, servicePorts: 2, endpointSlices: 1, endpoints: 2 });
  });

  it('the objects of the Kubernetes client fit as they are', () => {
    // It is the compiler that tests this: the type is false, and true no value of it, if they do not.
    type Fits<Typed, Narrow> = Typed extends Narrow ? true : false;
    const service: Fits<V1Service, ServiceObject> = true;
    const endpointSlice: Fits<V1EndpointSlice, EndpointSliceObject> = true;
    const nodeMetadata: Fits<V1ObjectMeta, NodeObject> = true;
    expect([service, endpointSlice, nodeMetadata]).not.toContain(false);
  });
});

describe('reasons', () => {
  it('each has one line of explanation', () => {
    for (const [reason, meaning] of Object.entries(reasons)) {
      expect(reason).toMatch(/^([A-Z][a-z]+)+$/);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    }
  });
});
