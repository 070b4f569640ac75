import { describe, expect, it } from 'vitest';
import { ForwardingState } from './forwarding-state.ts';
import { service, slice } from './testing/index.ts';

const config = { defaultAlgorithm: 'random', maglevTableSize: 1021, nodeName: 'here' } as const;
/** One more than the largest Maglev table has rows. */
const tooMany = 65_522;

/** A slice with the endpoints number `first` and the `count - 1` that follow. */
function slicePart(first: number, count: number, weight = 1) {
  const addresses = Array.from({ length: count }, (_, index) => {
    const number = first + index;
    return `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  });
  return slice('web', addresses, { annotations: { 'nftproxy.io/weight': String(weight) } });
}

function stateWith(algorithm: string): ForwardingState {
  const state = new ForwardingState(config);
  state.applyService('default/web', service({ annotations: { 'nftproxy.io/algorithm': algorithm } }));
  state.applyEndpointSlice('default/web-1', slicePart(0, tooMany - 1));
  return state;
}

describe('more endpoints than a Maglev table can have rows', () => {
  it('are told by an Event, from the endpoint that is too many until it goes', () => {
    const state = stateWith('maglev');
    expect(state.problems()).toEqual([]);
    const { problems } = state.applyEndpointSlice('default/web-2', slicePart(tooMany, 1));
    expect(problems.added).toMatchObject([{ object: { kind: 'Service', name: 'web' }, reason: 'TooManyEndpoints' }]);
    expect(problems.added[0]?.message).toContain('the port (tcp, IPv4) has more endpoints');
    // One more changes nothing.
    expect(state.applyEndpointSlice('default/web-2', slicePart(tooMany, 2)).problems.added).toEqual([]);
    expect(state.applyEndpointSlice('default/web-2', undefined).problems.removed).toEqual(problems.added);
  });

  it('are no problem if they have no weight, or with another algorithm', () => {
    const state = stateWith('maglev');
    expect(state.applyEndpointSlice('default/web-2', slicePart(tooMany, 1, 0)).problems.added).toEqual([]);
    const other = stateWith('random');
    expect(other.applyEndpointSlice('default/web-2', slicePart(tooMany, 1)).problems.added).toEqual([]);
    const following = new ForwardingState(config);
    following.applyService('default/web', service());
    following.applyEndpointSlice('default/web-1', slicePart(0, tooMany));
    const { problems } = following.setConfig({ ...config, defaultAlgorithm: 'maglev' });
    expect(problems.added).toMatchObject([{ reason: 'TooManyEndpoints' }]);
  });
});
