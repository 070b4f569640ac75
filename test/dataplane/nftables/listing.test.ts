import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { algorithmAnnotation, weightAnnotation } from '../../../src/services/index.ts';
import type { EndpointSliceObject, ServiceObject } from '../../../src/services/index.ts';
import { Namespace } from '../../support/index.ts';
import { addresses, loadBalancer, service, ServiceRig, slice } from '../../support/node/index.ts';

let rig: ServiceRig;

/** Round robin, on NodePorts as well. */
function inTurns(): ServiceObject {
  const ports = ['tcp', 'udp'].map((name) => ({ name, protocol: name.toUpperCase(), port: 80, nodePort: 30081 }));
  const clusterIPs = ['10.96.0.12', 'fd00:10:96::12'];
  const { metadata, ...rest } = service({ type: 'NodePort', clusterIP: '10.96.0.12', clusterIPs, ports });
  return { ...rest, metadata: { ...metadata, annotations: { [algorithmAnnotation]: 'round-robin' } } };
}

/** Slices of that Service: of two endpoints in each family one with a weight. */
function turns(weight: number): Map<string, EndpointSliceObject> {
  const annotations = { [weightAnnotation]: String(weight) };
  const slices = ([4, 6] as const).flatMap((family) => {
    const { metadata, ...rest } = slice('turns', family, ['remotePod']);
    const heavy = { ...rest, metadata: { ...metadata, name: `turns-heavy-${family}`, annotations } };
    return [[`turns-${family}`, slice('turns', family, ['localPod'])] as const, [heavy.metadata.name, heavy] as const];
  });
  return new Map(slices);
}

const objects = {
  services: {
    web: loadBalancer({
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 7 } },
      externalTrafficPolicy: 'Local',
      loadBalancerSourceRanges: ['172.31.0.0/16', 'fd00:172:31::/48'],
    }),
    plain: service({ clusterIP: '10.96.0.11', clusterIPs: ['10.96.0.11'] }),
    turns: inTurns(),
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
  // Another number of slots, for which round robin gets one rule more.
  for (const weight of [1, 2]) {
    for (const [name, object] of turns(weight)) rig.slice(name, object);
    await rig.run();
  }
});

afterAll(() => rig[Symbol.asyncDispose]());

const list = (...what: string[]): Promise<string> => rig.nft('list', ...what);

describe('the table in the kernel', () => {
  it('is printed by nft, as text and as JSON, with every feature in use', async () => {
    const text = await list('ruleset');
    expect(text).toContain('update @affinity_address6_');
    for (const set of ['round_robin_counts4_', 'round_robin_counts6_', 'node_port_round_robin_counts4_']) {
      for (const slots of [2, 3]) expect(text).toMatch(new RegExp(`numgen random mod 1 offset ${slots} @${set}`));
    }
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
