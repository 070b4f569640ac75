import { describe, expect, test } from 'vitest';
import type { Family, Frontend, Protocol } from '../../services/index.ts';
import { StalenessJudge, frontendId, type TrackedConnection, type TrackedServicePort } from './what-is-stale.ts';

const clusterIP = '10.96.0.10';
const nodeIP = '192.168.0.2';
const frontends: Frontend[] = [
  { kind: 'ClusterIP', address: clusterIP, port: 53, policy: 'Cluster' },
  { kind: 'LoadBalancerIP', address: '203.0.113.1', port: 53, policy: 'Local' },
  { kind: 'NodePort', port: 30053, policy: 'Cluster' },
];
const servingEndpoints = [{ address: '10.244.1.5', port: 5353 }];

function servicePort(protocol: Protocol, o: Partial<TrackedServicePort> = {}): TrackedServicePort {
  return { protocol, family: 4, frontends, servingEndpoints, ...o };
}

/** A connection of a client to `to`, answered by `from`; both as address:port. */
function connection(
  protocol: Protocol,
  to: string,
  from: string,
  o: { seenReply?: boolean; family?: Family } = {},
): TrackedConnection {
  const split = (text: string): [string, number] => {
    const at = text.lastIndexOf(':');
    return [text.slice(0, at), Number(text.slice(at + 1))];
  };
  const [destination, destinationPort] = split(to);
  const [answers, answerPort] = split(from);
  const client = { address: '10.244.0.9', port: 40000 };
  return {
    family: o.family ?? 4,
    protocol,
    seenReply: o.seenReply ?? false,
    original: { source: client.address, sourcePort: client.port, destination, destinationPort },
    reply: { source: answers, sourcePort: answerPort, destination: client.address, destinationPort: client.port },
  };
}

function view(o: { ports?: TrackedServicePort[]; gone?: string[]; all?: TrackedServicePort[] }): StalenessJudge {
  const { ports = [], gone = [], all = ports } = o;
  return new StalenessJudge({ ports, gone, all, nodePortAddresses: new Set([nodeIP]) });
}

const gone = '10.244.9.9:5353';
const serving = '10.244.1.5:5353';

describe.each(['udp', 'sctp'] as const)('%s connections are stale', (protocol) => {
  const one = view({ ports: [servicePort(protocol)] });

  test.each([`${clusterIP}:53`, '203.0.113.1:53', `${nodeIP}:30053`])('if %s led to an endpoint that is gone', (to) => {
    expect(one.isStale(connection(protocol, to, gone, { seenReply: true }))).toBe(true);
    expect(one.isStale(connection(protocol, to, serving, { seenReply: true }))).toBe(false);
    expect(one.isStale(connection(protocol, to, serving))).toBe(false);
  });

  test('if the right address is answered from the wrong port', () => {
    expect(one.isStale(connection(protocol, `${clusterIP}:53`, '10.244.1.5:53'))).toBe(true);
  });

  test('if they began before the Service had endpoints, so that nothing was translated', () => {
    expect(one.isStale(connection(protocol, `${clusterIP}:53`, `${clusterIP}:53`))).toBe(true);
    expect(one.isStale(connection(protocol, `${nodeIP}:30053`, `${nodeIP}:30053`))).toBe(true);
  });

  test('if the Service has no endpoint any more', () => {
    const empty = view({ ports: [servicePort(protocol, { servingEndpoints: [] })] });
    expect(empty.isStale(connection(protocol, `${clusterIP}:53`, serving, { seenReply: true }))).toBe(true);
  });

  test('if the frontend is deleted and they were translated', () => {
    const deleted = view({ gone: [frontendId(protocol, 4, { address: clusterIP, port: 53 })] });
    expect(deleted.isStale(connection(protocol, `${clusterIP}:53`, serving, { seenReply: true }))).toBe(true);
    // Somebody else may have the address now.
    expect(deleted.isStale(connection(protocol, `${clusterIP}:53`, `${clusterIP}:53`))).toBe(false);
  });

  test('if a node port is deleted, on this node’s addresses only', () => {
    const deleted = view({ gone: [frontendId(protocol, 4, { port: 30053 })] });
    expect(deleted.isStale(connection(protocol, `${nodeIP}:30053`, serving))).toBe(true);
    expect(deleted.isStale(connection(protocol, '192.168.0.3:30053', serving))).toBe(false);
  });
});

describe('connections are left alone', () => {
  const one = view({ ports: [servicePort('udp'), servicePort('tcp')] });

  test('if they go to a node port of another node', () => {
    expect(one.isStale(connection('udp', '192.168.0.3:30053', '192.168.0.3:30053'))).toBe(false);
  });

  test('if they go to another port, another protocol or elsewhere', () => {
    expect(one.isStale(connection('udp', `${clusterIP}:54`, gone))).toBe(false);
    expect(one.isStale(connection('sctp', `${clusterIP}:53`, gone))).toBe(false);
    expect(one.isStale(connection('udp', '8.8.8.8:53', '8.8.8.8:53'))).toBe(false);
  });

  test('if they go to an endpoint directly', () => {
    expect(one.isStale(connection('udp', serving, serving))).toBe(false);
  });

  test('if a load balancer’s IP is this node’s and its port somebody else’s node port', () => {
    const other = servicePort('udp', {
      frontends: [{ kind: 'LoadBalancerIP', address: nodeIP, port: 30053, policy: 'Cluster' }],
      servingEndpoints: [{ address: '10.244.7.7', port: 53 }],
    });
    const nodePort = servicePort('udp');
    const both = view({ ports: [nodePort], all: [nodePort, other] });
    expect(both.isStale(connection('udp', `${nodeIP}:30053`, '10.244.7.7:53'))).toBe(false);
    expect(both.isStale(connection('udp', `${nodeIP}:30053`, serving))).toBe(true);
  });

  test('if their frontend moved to another Service that has their endpoint', () => {
    const moved = view({
      ports: [servicePort('udp')],
      gone: [frontendId('udp', 4, { address: clusterIP, port: 53 })],
    });
    expect(moved.isStale(connection('udp', `${clusterIP}:53`, serving))).toBe(false);
  });
});

describe('source ranges', () => {
  const admitting = (...sourceRanges: string[]) => ({
    frontends: [
      { kind: 'ClusterIP', address: clusterIP, port: 53, policy: 'Cluster' },
      { kind: 'LoadBalancerIP', address: '203.0.113.1', port: 53, policy: 'Cluster', sourceRanges },
      { kind: 'LoadBalancerIP', address: '203.0.113.2', port: 53, policy: 'Cluster' },
    ] as const,
  });
  const stale = (one: StalenessJudge, protocol: Protocol, to: string, seenReply: boolean) =>
    one.isStale(connection(protocol, to, serving, { seenReply }));

  test.each(['udp', 'sctp'] as const)('cut off a %s client that is shut out, answered or not', (protocol) => {
    const one = view({ ports: [servicePort(protocol, admitting('10.244.1.0/24', '10.244.3.0/24'))] });
    for (const seenReply of [true, false]) expect(stale(one, protocol, '203.0.113.1:53', seenReply)).toBe(true);
  });

  test('cut off everybody where they admit nobody', () => {
    expect(stale(view({ ports: [servicePort('udp', admitting())] }), 'udp', '203.0.113.1:53', true)).toBe(true);
  });

  test('leave those alone whom they admit', () => {
    const one = view({ ports: [servicePort('udp', admitting('10.1.0.0/16', '10.244.0.0/24', '192.0.2.1'))] });
    expect(stale(one, 'udp', '203.0.113.1:53', true)).toBe(false);
  });

  test('are for their own load-balancer IP alone', () => {
    const one = view({ ports: [servicePort('udp', admitting('192.0.2.1'))] });
    for (const to of [`${clusterIP}:53`, '203.0.113.2:53']) expect(stale(one, 'udp', to, true)).toBe(false);
  });

  test('leave TCP alone once it is answered; before that it is cut off', () => {
    const one = view({ ports: [servicePort('tcp', admitting('192.0.2.1'))] });
    expect(stale(one, 'tcp', '203.0.113.1:53', true)).toBe(false);
    expect(stale(one, 'tcp', '203.0.113.1:53', false)).toBe(true);
  });
});

describe('TCP connections', () => {
  const one = view({ ports: [servicePort('tcp')], gone: [frontendId('tcp', 4, { address: '10.96.0.99', port: 80 })] });

  test('that were never answered are stale if their endpoint is gone or they were not translated', () => {
    expect(one.isStale(connection('tcp', `${clusterIP}:53`, gone))).toBe(true);
    expect(one.isStale(connection('tcp', `${clusterIP}:53`, `${clusterIP}:53`))).toBe(true);
    expect(one.isStale(connection('tcp', '10.96.0.99:80', gone))).toBe(true);
  });

  test('that were answered are left to end gracefully', () => {
    expect(one.isStale(connection('tcp', `${clusterIP}:53`, gone, { seenReply: true }))).toBe(false);
    expect(one.isStale(connection('tcp', '10.96.0.99:80', gone, { seenReply: true }))).toBe(false);
  });

  test('that wait for an endpoint that serves are left alone', () => {
    expect(one.isStale(connection('tcp', `${clusterIP}:53`, serving))).toBe(false);
  });
});

describe('IPv6', () => {
  test('is judged like IPv4, node ports by family', () => {
    const six = servicePort('udp', {
      family: 6,
      frontends: [
        { kind: 'ClusterIP', address: 'fd00::10', port: 53, policy: 'Cluster' },
        { kind: 'NodePort', port: 30053, policy: 'Cluster' },
      ],
      servingEndpoints: [{ address: 'fd00:1::5', port: 5353 }],
    });
    const addresses = new Set([nodeIP, 'fd00:2::2']);
    const one = new StalenessJudge({ ports: [six], gone: [], all: [six], nodePortAddresses: addresses });
    const to = (destination: string, from: string) => one.isStale(connection('udp', destination, from, { family: 6 }));
    expect([to('fd00::10:53', 'fd00:1::6:5353'), to('fd00::10:53', 'fd00:1::5:5353')]).toEqual([true, false]);
    expect([to('fd00:2::2:30053', 'fd00:1::6:1'), to('fd00:2::3:30053', 'fd00:1::6:1')]).toEqual([true, false]);
    expect(one.isStale(connection('udp', `${nodeIP}:30053`, gone))).toBe(false);
  });
});
