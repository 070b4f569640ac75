import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Namespace } from '../../support/index.ts';
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
    expect(await list('ruleset')).toContain('update @affinity_address6_');
    JSON.parse(await rig.nft('-j', 'list', 'ruleset'));
  });

  it('has an endpoint as a slot of its Service, for SCTP too', async () => {
    expect(await rig.listed('endpoints4')).toContain('10.96.0.10 . sctp . 80 . 0 : 10.244.1.2 . 8080');
  });

  it('remembers a client for as long as its Service says, and nobody of a Service without affinity', async () => {
    const ask = (address: string) =>
      rig.namespaceOf('clientPod').request({ protocol: 'tcp', address, port: 80, count: 3, timeoutMilliseconds: 2000 });
    await ask('10.96.0.11');
    expect(await rig.listed('affinity4')).not.toContain('elements');
    await ask(addresses[4].clusterIP);
    expect(await rig.listed('affinity4')).toContain('timeout 7s');
  });

  it('is printed so that nft can load it again on another host, with the rest of the host’s firewall', async () => {
    await rig.space.nft(
      'table inet host_firewall {\n chain input {\n type filter hook input priority 0; ct state new counter\n }\n}\n',
    );
    const listing = await list('ruleset');
    const other = await Namespace.create('other');
    try {
      // A table that is loaded as owned is gone with the nft that loaded it.
      await other.nft(listing);
      expect((await other.run('nft', ['list', 'tables'])).trim()).toBe('table inet host_firewall');
      await other.run('nft', ['flush', 'ruleset']);
      await other.nft(listing.replaceAll(/^\tflags .*$/gm, ''));
      const chains = (text: string): string[] => text.match(/chain \S+/g) ?? [];
      expect(chains(await other.run('nft', ['list', 'ruleset'])).sort()).toEqual(chains(listing).sort());
    } finally {
      await other.destroy();
    }
  });
});
