import { describe, expect, it } from 'vitest';
import { ForwardingState } from './forwarding-state.ts';
import { service } from './testing/index.ts';
import type { ServicePort } from './types.ts';

const config = { defaultAlgorithm: 'random', maglevTableSize: 1021, nodeName: 'here' } as const;
const dualStack = {
  type: 'LoadBalancer',
  clusterIPs: ['10.96.0.1', 'fd00::1'],
  ingress: [{ ip: '192.0.2.10' }, { ip: '192.0.2.11' }, { ip: '2001:db8::10' }],
};
const node = (...primaryAddresses: string[]) => ({ primaryAddresses });

function stateOf(loadBalancerSourceRanges: string[], more = {}): ForwardingState {
  const state = new ForwardingState(config);
  state.applyService('default/web', service({ ...dualStack, ...more, loadBalancerSourceRanges }));
  return state;
}

/** Who may connect to each load-balancer address. */
function admitted(port: ServicePort | undefined): Record<string, readonly string[] | undefined> {
  const restricted = port?.frontends.filter((frontend) => frontend.kind === 'LoadBalancerIP') ?? [];
  return Object.fromEntries(restricted.map(({ address, sourceRanges }) => [address, sourceRanges]));
}

describe('a node that has the load balancer’s address itself', () => {
  it('is admitted from that address if the ranges admit the node, in that family alone', () => {
    const state = stateOf(['172.30.0.0/16', 'fd00::/8']);
    const { changed } = state.setNode(node('172.30.0.1', '2001:db8:30::1'));
    const four = ['172.30.0.0/16', '192.0.2.10/31'];
    expect(admitted(changed.get('default/web:/tcp/4'))).toEqual({ '192.0.2.10': four, '192.0.2.11': four });
    expect([...changed.keys()]).toEqual(['default/web:/tcp/4']);
    expect(admitted(state.get('default/web:/tcp/6'))).toEqual({ '2001:db8::10': ['fd00::/8'] });
  });

  it('is shut out if they do not', () => {
    const state = stateOf(['10.244.0.0/16', '::/0']);
    expect(state.setNode(node('172.30.0.1', 'fd00:172::1')).changed.size).toBe(0);
    expect(admitted(state.get('default/web:/tcp/4'))['192.0.2.10']).toEqual(['10.244.0.0/16']);
    expect(admitted(state.get('default/web:/tcp/6'))['2001:db8::10']).toBeUndefined();
  });

  it('is shut out when its address changes to one outside, and no other Service is worked out anew', () => {
    const state = stateOf(['172.30.0.0/16']);
    state.applyService('default/free', service({ clusterIPs: ['10.96.0.2'], ingress: [{ ip: '192.0.2.20' }] }));
    state.setNode(node('172.30.0.1'));
    expect(state.setNode(node('172.30.0.7')).changed.size).toBe(0);
    const { changed } = state.setNode(node('172.31.0.1'));
    expect([...changed.keys()]).toEqual(['default/web:/tcp/4']);
    expect(admitted(changed.get('default/web:/tcp/4'))['192.0.2.10']).toEqual(['172.30.0.0/16']);
  });

  it('keeps its addresses whatever happens to the ranges', () => {
    const state = stateOf([]);
    state.setNode(node('172.30.0.1'));
    const narrowed = service({ ...dualStack, loadBalancerSourceRanges: ['172.30.0.1/32'] });
    const { changed } = state.applyService('default/web', narrowed);
    expect(admitted(changed.get('default/web:/tcp/4'))['192.0.2.10']).toEqual(['172.30.0.1', '192.0.2.10/31']);
  });
});

describe('a family that is left without any range', () => {
  it.each([
    [['::/0', '10.244.0.0/16'], []],
    [['::/0'], ['no source range is IPv4, so nobody is admitted to 192.0.2.10']],
    [['0.0.0.0/0', '10.0.0.0/33'], ['no source range is IPv6, so nobody is admitted to 2001:db8::10']],
    [['0.0.0.0/0', 'fd00:10:244::/48'], []],
  ])('is told by an Event: %j', (ranges, messages) => {
    const told = stateOf(ranges)
      .problems()
      .filter(({ reason }) => reason === 'NoSourceRangeForFamily');
    expect(told.map(({ message }) => message.split(';')[0])).toEqual(messages);
  });

  it('is of no concern if the Service is not in that family', () => {
    const state = stateOf(['::/0'], { clusterIPs: ['fd00::1'] });
    expect(state.problems()).toEqual([]);
  });
});

describe('ten thousand ranges', () => {
  const ranges = Array.from({ length: 10_000 }, (_, at) => `10.${at >> 8}.${at & 255}.${(at * 7) & 254}/31`);

  it('are all there, and an endpoint that comes or goes does not touch them', () => {
    const state = stateOf(ranges);
    state.setNode(node('172.30.0.1', 'fd00::7'));
    const before = admitted(state.get('default/web:/tcp/4'))['192.0.2.10'];
    expect(before).toHaveLength(10_000);
    state.setNode(node('172.30.0.2', 'fd00::7'));
    expect(admitted(state.get('default/web:/tcp/4'))['192.0.2.10']).toBe(before);
  });
});
