import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addresses, loadBalancer, service, ServiceRig, slice } from '../../support/node/index.ts';

let rig: ServiceRig;
const objects = {
  services: {
    web: loadBalancer({
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 7 } },
      externalTrafficPolicy: 'Local',
      loadBalancerSourceRanges: ['172.31.0.0/16', 'fd00:172:31::/48'],
    }),
    plain: service({ clusterIP: '10.96.0.11', clusterIPs: ['10.96.0.11'] }),
  },
  slices: {
    'web-4': slice('web', 4, ['localPod', 'remotePod']),
    'web-6': slice('web', 6, ['localPod']),
    'plain-4': slice('plain', 4, ['localPod', 'remotePod']),
  },
};

beforeAll(async () => {
  rig = await ServiceRig.create();
  rig.configure({ mode: 'nftables' });
  for (const [name, object] of Object.entries(objects.services)) rig.service(name, object);
  for (const [name, object] of Object.entries(objects.slices)) rig.slice(name, object);
  await rig.run();
});

afterAll(() => rig[Symbol.asyncDispose]());

const list = (...what: string[]): Promise<string> => rig.nft('list', ...what);

describe('the table in the kernel', () => {
  it('is printed by nft, as text and as JSON, with every feature in use', async () => {
    expect(await list('ruleset')).toContain('update @affinity6');
    JSON.parse(await rig.nft('-j', 'list', 'ruleset'));
  });

  it('has an endpoint as a slot of its Service, for SCTP too', async () => {
    expect(await list('map', 'inet', 'nftproxy', 'endpoints4')).toContain(
      '10.96.0.10 . sctp . 80 . 0 : 10.244.1.2 . 8080',
    );
  });

  it('remembers a client for as long as its Service says, and nobody of a Service without affinity', async () => {
    const ask = (address: string) =>
      rig.namespaceOf('clientPod').request({ protocol: 'tcp', address, port: 80, count: 3, timeoutMilliseconds: 2000 });
    await ask('10.96.0.11');
    expect(await list('map', 'inet', 'nftproxy', 'affinity4')).not.toContain('elements');
    await ask(addresses[4].clusterIP);
    expect(await list('map', 'inet', 'nftproxy', 'affinity4')).toContain('timeout 7s');
  });

  it('is to the letter the same after a restart that finds everything right', async () => {
    const table = () => rig.nft('--stateless', 'list', 'table', 'inet', 'nftproxy');
    const before = await table();
    rig.restart(objects);
    expect((await rig.run()).written.elements).toBe(0);
    expect(await table()).toBe(before);
  });
});
