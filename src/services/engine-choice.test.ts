import { describe, expect, it } from 'vitest';
import { ForwardingState } from './forwarding-state.ts';
import { service, slice } from './testing/index.ts';
import type { ServicePort } from './types.ts';

/** The ports of a Service on a node in this mode. */
function ports(
  parts: Parameters<typeof service>[0],
  engine?: 'ipvs' | 'userspace',
): { states: ServicePort[]; problems: string[] } {
  const state = new ForwardingState({
    ...{ nodeName: 'node-1', defaultAlgorithm: 'random', maglevTableSize: 251, defaultScheduler: 'rr' },
    ...(engine && { engine }),
  });
  state.applyEndpointSlice('default/web-1', slice('web', ['10.244.0.1']));
  state.applyService('default/web', service(parts));
  return {
    states: [...state.values()],
    problems: state.problems().map(({ reason, message }) => `${reason}: ${message}`),
  };
}

const speaking = (appProtocol: string | undefined, protocol = 'TCP') => ({
  ports: [{ port: 80, protocol, ...(appProtocol !== undefined && { appProtocol }) }],
});

describe('a header by which nobody could go', () => {
  const annotations = { 'nftproxy.io/hash-header': 'X-User' };

  it('is told: no port says that it speaks HTTP', () => {
    const { states, problems } = ports({ ...speaking('https'), annotations }, 'userspace');
    expect(states[0]).not.toHaveProperty('proxy');
    expect(problems).toEqual([expect.stringMatching(/^InvalidValue: .*hash-header is left out: no port says/)]);
  });

  it('is told: session affinity decides', () => {
    const { states, problems } = ports({ ...speaking('http'), annotations, sessionAffinity: 'ClientIP' }, 'userspace');
    expect(states[0]?.proxy).toEqual({ protocol: 'http' });
    expect(problems).toEqual([expect.stringMatching(/hash-header is left out: sessionAffinity ClientIP decides/)]);
  });
});

describe('a proxy passes a port on', () => {
  it.each([
    ['http', 'http'],
    ['kubernetes.io/ws', 'http'],
    ['kubernetes.io/h2c', 'h2c'],
    ['grpc', 'h2c'],
    ['HTTP', 'http'],
  ])('with appProtocol %s as %s', (appProtocol, protocol) => {
    expect(ports(speaking(appProtocol), 'userspace').states.map(({ proxy }) => proxy)).toEqual([{ protocol }]);
  });

  it.each(['https', 'example.com/http', undefined])('with appProtocol %s as connections', (appProtocol) => {
    expect(ports(speaking(appProtocol), 'userspace').states[0]).not.toHaveProperty('proxy');
  });

  it('that says nothing as its Service says, and one that says something as that says', () => {
    const annotations = { 'nftproxy.io/engine': 'h2c' };
    const both = { ports: [{ port: 80 }, { name: 'tls', port: 443, appProtocol: 'https' }], annotations };
    const { states, problems } = ports(both);
    expect([states.map(({ engine }) => engine), problems]).toEqual([['userspace', 'userspace'], []]);
    expect(states.map(({ proxy }) => proxy?.protocol)).toEqual(['h2c', undefined]);
  });

  it('of TCP only, and says the same whatever mode the node is in', () => {
    expect(ports(speaking('http', 'UDP'), 'userspace').states[0]).not.toHaveProperty('proxy');
    expect(ports(speaking('http')).states).toEqual(ports(speaking('http'), 'userspace').states);
  });

  it.each([
    { says: '30s', seconds: 30 },
    { says: ' 2m ', seconds: 120 },
    { says: '1h', seconds: 3600 },
  ])('slowly to an endpoint that comes, within $says', ({ says, seconds }) => {
    const annotations = { 'nftproxy.io/slow-start': says };
    const proxyOf = (appProtocol: string) =>
      ports({ ...speaking(appProtocol), annotations }, 'userspace').states[0]?.proxy;
    expect(proxyOf('http')).toEqual({ protocol: 'http', slowStartSeconds: seconds });
    expect(proxyOf('https')).toEqual({ protocol: 'tcp', slowStartSeconds: seconds });
  });

  it.each(['', '30', '0s', '2h', '-1s', '1.5m', '30s weight 3'])(
    'at once where the time is none (“%s”), and says so',
    (says) => {
      const annotations = { 'nftproxy.io/slow-start': says };
      const { states, problems } = ports({ ...speaking('http'), annotations }, 'userspace');
      expect(states[0]?.proxy).toEqual({ protocol: 'http' });
      expect(problems).toEqual([
        expect.stringMatching(/^InvalidValue: annotation nftproxy\.io\/slow-start: .* 30s or 2m/),
      ]);
    },
  );

  it('by a header, where it knows requests; a name that is none is said', () => {
    const annotations = { 'nftproxy.io/hash-header': ' X-User ' };
    const proxies = (appProtocol: string, more = annotations) =>
      ports({ ...speaking(appProtocol), annotations: more }, 'userspace');
    expect(proxies('http').states[0]?.proxy).toEqual({ protocol: 'http', hashHeader: 'x-user' });
    expect(proxies('https').states[0]).not.toHaveProperty('proxy');
    const wrong = proxies('http', { 'nftproxy.io/hash-header': 'x-user) weight 3' });
    expect(wrong.states[0]?.proxy).toEqual({ protocol: 'http' });
    expect(wrong.problems).toEqual([expect.stringMatching(/^InvalidValue: annotation nftproxy.io\/hash-header/)]);
  });

  it('and an engine that nobody has is said, with those that there are', () => {
    const { problems } = ports({ annotations: { 'nftproxy.io/engine': 'envoy' } });
    expect(problems).toEqual([
      'UnknownEngine: annotation nftproxy.io/engine: "envoy" is none of nftables, ipvs, userspace, http, h2c; it is left out',
    ]);
  });
});
