import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostOf, patience, whyNoNftables } from '../support/index.ts';
import { addresses, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';

const { clusterIP, localPod, remotePod } = addresses[4];

describe('mode iptables with packets', () => {
  let rig: ServiceRig;

  beforeAll(async () => {
    rig = await ServiceRig.create();
    rig.service('web', loadBalancer());
    rig.slice('web-4', slice('web', 4, ['localPod', 'remotePod']));
  }, 60_000 * patience);
  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
  });

  const switchTo = async (mode: 'nftables' | 'iptables'): Promise<void> => {
    rig.configure({ mode });
    await rig.run();
  };

  it('takes turns exactly where a Service asks for that', async () => {
    await switchTo('iptables');
    rig.service('web', {
      ...loadBalancer(),
      metadata: { ...loadBalancer().metadata, annotations: { 'nftproxy.io/algorithm': 'round-robin' } },
    });
    await rig.run();
    const answers = await rig
      .namespaceOf('outside')
      .request({ protocol: 'tcp', address: clusterIP, port: 80, count: 12 });
    const servers = answers.map(({ server }) => hostOf(server));
    expect(servers.filter((server) => server === localPod)).toHaveLength(6);
    expect(servers.filter((server) => server === remotePod)).toHaveLength(6);
  });

  it('gives endpoints their shares of 400 connections, by chance', async () => {
    await switchTo('iptables');
    rig.service('web', loadBalancer());
    await rig.run();
    const answers = await rig
      .namespaceOf('outside')
      .request({ protocol: 'tcp', address: clusterIP, port: 80, count: 400, concurrency: 24 });
    const local = answers.filter(({ server }) => hostOf(server) === localPod).length;
    // Six standard deviations of 200.
    expect(local).toBeGreaterThan(140);
    expect(local).toBeLessThan(260);
  });

  it('counts new connections of each Service port, and goes on counting when another Service changes', async () => {
    await switchTo('iptables');
    const counted = async (): Promise<number> => {
      const counts = await rig.dataPlane.counters();
      const web = counts.find(
        ({ port, frontend, family }) => port === 'tcp' && frontend === 'ClusterIP' && family === 4,
      );
      return web?.connections ?? 0;
    };
    const before = await counted();
    await rig.namespaceOf('outside').request({ protocol: 'tcp', address: clusterIP, port: 80, count: 5 });
    rig.service(
      'other',
      loadBalancer({ clusterIP: '10.96.0.99', clusterIPs: ['10.96.0.99'], externalIPs: [], ports: [] }),
    );
    await rig.run();
    expect(await counted()).toBe(before + 5);
    expect(rig.dataPlane.servedBy()).toEqual({ iptables: rig.dataPlane.served.size });
  });

  it.skipIf(whyNoNftables() !== undefined)(
    'is refused where its programs are missing, before anything has changed',
    async () => {
      await switchTo('nftables');
      const path = process.env['PATH'];
      process.env['PATH'] = '/nowhere';
      try {
        rig.configure({ mode: 'iptables' });
        const { refusedSetup } = await rig.run();
        expect(String(refusedSetup?.error)).toContain('install iptables');
        expect(rig.dataPlane.mode).toBe('nftables');
      } finally {
        process.env['PATH'] = path;
      }
      const [answer] = await rig.namespaceOf('outside').request({ protocol: 'tcp', address: clusterIP, port: 80 });
      expect(answer?.error).toBeUndefined();
    },
  );
});
