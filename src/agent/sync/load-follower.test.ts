import { describe, expect, it } from 'vitest';
import type { ConntrackEntry, ConntrackFilter } from '../../conntrack/index.ts';
import type { Endpoint, ServicePort } from '../../services/index.ts';
import { LoadFollower } from './load-follower.ts';

const endpointsOf = (count: number): Endpoint[] =>
  Array.from({ length: count }, (_, number) => ({ address: `10.0.0.${number}`, port: 8080, local: false, weight: 1 }));

function portOf(name: string, o: Partial<ServicePort> = {}): ServicePort {
  const { protocol = 'tcp', family = 4 } = o;
  return {
    ...{ id: `default/${name}:/${protocol}/${family}`, namespace: 'default', name, portName: '', protocol, family },
    frontends: [{ kind: 'ClusterIP', address: '10.96.0.1', port: 80, policy: 'Cluster' }],
    ...{ clusterEndpoints: endpointsOf(10), localEndpoints: [], otherServingEndpoints: [], hasAnyEndpoints: true },
    algorithm: 'least-connections',
    ...o,
  };
}

/** Connections of a protocol to endpoint 0. */
function connections(count: number, protocol = 'tcp', tcpState?: string): ConntrackEntry[] {
  const tuple = { source: '10.0.0.0', sourcePort: 8080, destination: '10.244.0.9', destinationPort: 40_000 };
  const status = { seenReply: true, assured: true, snat: false, dnat: true };
  return Array.from({ length: count }, (_, id) => ({
    ...{ family: 4 as const, protocol, original: tuple, reply: tuple, status, id, timeoutSeconds: 600 },
    ...(tcpState === undefined ? {} : { tcpState }),
  }));
}

/** A kernel whose connections are what `entries` holds; readings may be held up. */
function kernel() {
  const rig = {
    entries: [] as ConntrackEntry[],
    readings: [] as ConntrackFilter[],
    held: Promise.resolve(),
  };
  const follower = new LoadFollower({
    scan: async (filter, visit) => {
      rig.readings.push(filter);
      await rig.held;
      for (const entry of rig.entries) visit(entry);
    },
  });
  return Object.assign(rig, { follower });
}

describe('following the load', () => {
  it('reads the connections of each family once, whatever the number of Services and protocols', async () => {
    const { follower, readings } = kernel();
    await follower.look([
      ...[portOf('a'), portOf('b'), portOf('c', { protocol: 'udp' })],
      ...[portOf('a', { family: 6 }), portOf('b', { family: 6 }), portOf('d', { algorithm: 'random', family: 6 })],
    ]);
    expect(readings).toEqual([
      { family: 4, dnat: true },
      { family: 6, dnat: true, protocol: 'tcp' },
    ]);
  });

  it('never reads twice at the same time: a look that finds one under way is left out', async () => {
    const rig = kernel();
    let release = (): void => undefined;
    rig.held = new Promise((resolve) => (release = resolve));
    rig.entries = connections(100);
    const first = rig.follower.look([portOf('a')]);
    expect((await rig.follower.look([portOf('a')])).size).toBe(0);
    expect(rig.readings).toHaveLength(1);
    release();
    expect((await first).size).toBe(1);
    await rig.follower.look([portOf('a')]);
    expect(rig.readings).toHaveLength(2);
  });

  it('goes on after a reading that failed', async () => {
    const rig = kernel();
    rig.held = Promise.reject(new Error('no'));
    await expect(rig.follower.look([portOf('a')])).rejects.toThrow('no');
    rig.held = Promise.resolve();
    rig.entries = connections(100);
    expect((await rig.follower.look([portOf('a')])).size).toBe(1);
  });

  it('counts what is open, of the Service’s own protocol', async () => {
    const rig = kernel();
    const port = portOf('a');
    const share = async (entries: ConntrackEntry[]) => {
      rig.entries = entries;
      return (await rig.follower.look([port])).get(port.id)?.get('10.0.0.0:8080');
    };
    expect(await share(connections(100, 'tcp', 'TIME_WAIT'))).toBeUndefined();
    expect(await share(connections(100, 'udp'))).toBeUndefined();
    expect(await share(connections(100, 'tcp', 'ESTABLISHED'))).toBe(16);
  });

  it('tells nothing while the load stays as it is', async () => {
    const rig = kernel();
    const port = portOf('a');
    rig.entries = connections(100);
    expect((await rig.follower.look([port])).size).toBe(1);
    for (let look = 0; look < 20; look++) expect((await rig.follower.look([port])).size).toBe(0);
  });

  it('tells a Service its weights again when it has changed: it may have been deleted and made anew', async () => {
    const rig = kernel();
    rig.entries = connections(100);
    const weights = (await rig.follower.look([portOf('a')])).get('default/a:/tcp/4');
    expect((await rig.follower.look([portOf('a')])).get('default/a:/tcp/4')).toEqual(weights);
  });

  it('forgets a Service that has gone', async () => {
    const rig = kernel();
    const port = portOf('a');
    rig.entries = connections(100);
    await rig.follower.look([port]);
    rig.entries = [];
    expect((await rig.follower.look([])).size).toBe(0);
    expect((await rig.follower.look([port])).size).toBe(0);
  });
});
