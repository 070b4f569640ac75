import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../runtime/testing/index.ts';
import { ApiServers } from './api-servers.ts';

const [a, b, c, vip] = ['https://192.0.2.10:6443', 'https://192.0.2.11:6443', 'https://192.0.2.12', 'https://vip'];
const clusterIP = 'https://10.96.0.1';
const minutes = (count: number): number => count * 60_000;

function servers(o: { server?: string; seed?: string; inCluster?: boolean } = {}) {
  const { server = clusterIP, seed = 'node-1', inCluster = true } = o;
  const clock = new ManualClock();
  const told: string[] = [];
  const connection = { server, ...(inCluster && { firstContactOnly: true }) };
  const all = ApiServers.of(connection, { seed, clock, onFailure: (url) => told.push(url) });
  return { all, clock, told, order: () => all.order().map(({ url }) => url) };
}
const refused = new Error('connect ECONNREFUSED');

describe('which API server is asked', () => {
  it('is the only one that is known, whatever happens', () => {
    const { all, order, told } = servers({ server: 'https://proxy.example/k8s/c-1/', inCluster: false });
    all.failed('https://proxy.example/k8s/c-1', refused);
    expect(order()).toEqual(['https://proxy.example/k8s/c-1']);
    expect(all.isLastHope('https://proxy.example')).toBe(true);
    expect(told).toEqual([]);
  });

  it('is an endpoint before the ClusterIP, which needs somebody who programs it', () => {
    const { all, order } = servers();
    expect(order()).toEqual([clusterIP]);
    all.use({ known: [a] });
    expect(order()).toEqual([a, clusterIP]);
  });

  it('is the one that somebody named, before all that was found', () => {
    const { all, order } = servers();
    all.use({ known: [a], given: [vip] });
    expect(order()).toEqual([vip, a, clusterIP]);
    const named = servers({ server: 'https://api.example', inCluster: false });
    named.all.use({ known: [a] });
    expect(named.order()).toEqual(['https://api.example', a]);
  });

  it('is one that this process has seen itself, before those that others have seen', () => {
    const { all, order } = servers();
    all.use({ found: [a, b], known: [b, c] });
    expect(order().slice(0, 2).toSorted()).toEqual([b, c]);
    expect(order().slice(2)).toEqual([a, clusterIP]);
  });

  it('is another one for each node, so that all have their share, and stays when one more comes', () => {
    const endpoints = [a, b, c];
    const counts = new Map<string, number>();
    let moved = 0;
    for (let node = 0; node < 300; node++) {
      const { all, order } = servers({ seed: `node-${node}` });
      all.use({ known: endpoints });
      const [first = ''] = order();
      counts.set(first, (counts.get(first) ?? 0) + 1);
      all.use({ known: [...endpoints, 'https://192.0.2.13'] });
      if (order()[0] !== first) moved++;
    }
    for (const url of endpoints) expect(counts.get(url)).toBeGreaterThan(60);
    expect(moved).toBeLessThan(130);
  });
});

describe('an API server that fails', () => {
  it('is asked after all others, and is told of once', () => {
    const { all, order, told } = servers();
    all.use({ known: [a, b] });
    const [first = '', second = ''] = order();
    all.failed(first, refused);
    all.failed(first, refused);
    expect(order()).toEqual([second, clusterIP, first]);
    expect(told).toEqual([first]);
  });

  it('has its turn again as soon as it answers, and else after some minutes', async () => {
    const { all, clock, order } = servers();
    all.use({ known: [a, b] });
    const before = order();
    all.failed(before[0] ?? '', refused);
    all.worked(before[0] ?? '');
    expect(order()).toEqual(before);
    all.failed(before[0] ?? '', refused);
    await clock.advance(minutes(4));
    expect(order()).not.toEqual(before);
    await clock.advance(minutes(1));
    expect(order()).toEqual(before);
  });

  it('is no worse than others that have all failed: the one that failed first is tried first', async () => {
    const { all, clock, order } = servers();
    all.use({ known: [a, b] });
    for (const url of [b, clusterIP, a]) {
      all.failed(url, refused);
      await clock.advance(1000);
    }
    expect(order()).toEqual([b, clusterIP, a]);
  });

  it('is worth a longer wait only when nobody is asked after it', () => {
    const { all } = servers();
    all.use({ known: [a] });
    expect([all.isLastHope(a), all.isLastHope(clusterIP)]).toEqual([false, true]);
    all.failed(a, refused);
    expect([all.isLastHope(a), all.isLastHope(clusterIP)]).toEqual([true, false]);
  });

  it('is forgotten when it is no endpoint any more; one that comes back later is as new', () => {
    const { all, order } = servers();
    all.use({ known: [a, b] });
    const before = order();
    all.failed(before[0] ?? '', refused);
    all.use({ known: [] });
    all.use({ known: [a, b] });
    expect(order()).toEqual(before);
  });
});

describe('the API server in use', () => {
  it('is the one that answered last, also when another one is to be tried next', () => {
    const { all, order } = servers();
    all.use({ known: [a, b] });
    expect(all.current).toBe(order()[0]);
    all.worked(order()[1] ?? '');
    expect(all.current).toBe(order()[1]);
    all.failed(order()[1] ?? '', refused);
    expect(all.current).toBe(order()[0]);
  });
});

it('an endpoint must have the name of the cluster in its certificate; a name that was given, that or its own', () => {
  const { all } = servers();
  all.use({ given: [vip], known: [a] });
  expect([vip, a, clusterIP, 'https://gone'].map((url) => all.identityOf(url))).toEqual([
    ...['host-or-cluster', 'cluster', 'host-or-cluster', 'cluster'],
  ]);
  expect(servers({ inCluster: false }).all.identityOf(clusterIP)).toBe('host');
});
