import { describe, expect, it } from 'vitest';
import { ForwardingState } from './forwarding-state.ts';
import type { EndpointObject } from './objects.ts';
import { service, slice } from './testing/index.ts';

const web = 'default/web:/tcp/4';

function stateWith(endpoint: Omit<EndpointObject, 'addresses'>): ForwardingState {
  const state = new ForwardingState({ defaultAlgorithm: 'random', maglevTableSize: 1021, nodeName: 'here' });
  state.applyService('default/web', service());
  state.applyEndpointSlice('default/web-1', slice('web', [{ addresses: ['10.0.0.1'], ...endpoint }]));
  return state;
}

describe('an endpoint of which nobody says the node', () => {
  it.each([undefined, null, ''])('may run here, so it must be able to reach itself (nodeName %j)', (nodeName) => {
    const [endpoint] = stateWith({ nodeName }).get(web)?.clusterEndpoints ?? [];
    expect(endpoint).toEqual({ address: '10.0.0.1', port: 8080, local: false, maybeLocal: true, weight: 1 });
  });

  it('is not local for policies and health checks', () => {
    const state = stateWith({});
    const local = service({
      ...{ type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 32000 },
      ports: [{ port: 80, nodePort: 30080 }],
    });
    state.applyService('default/web', local);
    expect(state.get(web)?.localEndpoints).toEqual([]);
    expect(state.healthCheckNodePorts().get('default/web')?.localReadyEndpoints).toBe(0);
  });

  it.each(['here', 'there'])('has nothing to say about it once a node is known (%s)', (nodeName) => {
    const state = stateWith({});
    const { changed } = state.applyEndpointSlice(
      'default/web-1',
      slice('web', [{ addresses: ['10.0.0.1'], nodeName }]),
    );
    expect(changed.get(web)?.clusterEndpoints).toEqual([
      { address: '10.0.0.1', port: 8080, local: nodeName === 'here', weight: 1 },
    ]);
  });

  it('changes its Service when the node of an endpoint elsewhere is not known any more', () => {
    const state = stateWith({ nodeName: 'there' });
    const { changed } = state.applyEndpointSlice('default/web-1', slice('web', ['10.0.0.1']));
    expect(changed.get(web)?.clusterEndpoints[0]?.maybeLocal).toBe(true);
  });
});
