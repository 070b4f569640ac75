import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostOf, withoutGenerations } from '../support/index.ts';
import type { Answer } from '../support/index.ts';
import { addresses, hasTable, loadBalancer, service, ServiceRig, slice } from '../support/node/index.ts';
import type { Where } from '../support/node/index.ts';

const families = [4, 6] as const;
const protocols = ['tcp', 'udp'] as const;

let rig: ServiceRig;

beforeAll(async () => {
  rig = await ServiceRig.create();
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

function ask(
  where: Where,
  address: string,
  protocol: 'tcp' | 'udp' = 'tcp',
  options: { port?: number; count?: number; timeoutMilliseconds?: number } = {},
): Promise<Answer[]> {
  const { port = 80, count = 1, timeoutMilliseconds = 1500 } = options;
  return rig.namespaceOf(where).request({ protocol, address, port, count, timeoutMilliseconds });
}

describe('a ClusterIP Service with endpoints on this node and on another', () => {
  beforeAll(async () => {
    rig.service('web', service());
    for (const family of families) rig.slice(`web-${family}`, slice('web', family, ['localPod', 'remotePod']));
    await rig.run();
  });

  for (const family of families) {
    const { clusterIP, localPod, remotePod, clientPod, node } = addresses[family];
    for (const protocol of protocols) {
      it(`spreads a pod's connections over both, who see the pod's own address (IPv${family}, ${protocol})`, async () => {
        const answers = await ask('clientPod', clusterIP, protocol, { count: 60 });
        expect(answers.map((answer) => answer.error).filter(Boolean)).toEqual([]);
        const servers = new Set(answers.map((answer) => hostOf(answer.server)));
        expect(servers).toEqual(new Set([localPod, remotePod]));
        expect(new Set(answers.map((answer) => hostOf(answer.client)))).toEqual(new Set([clientPod]));
      });

      it(`serves the node itself and clients from outside, masqueraded (IPv${family}, ${protocol})`, async () => {
        for (const where of ['node', 'outside'] as const) {
          const answers = await ask(where, clusterIP, protocol, { count: 20 });
          expect(answers.map((answer) => answer.error).filter(Boolean)).toEqual([]);
          for (const answer of answers) expect(hostOf(answer.client)).not.toBe(addresses[family].outside);
          expect(answers.some((answer) => hostOf(answer.client) === node)).toBe(true);
        }
      });
    }

    it(`lets an endpoint reach itself through the Service (IPv${family})`, async () => {
      const answers = await ask('localPod', clusterIP, 'tcp', { count: 30 });
      expect(answers.map((answer) => answer.error).filter(Boolean)).toEqual([]);
      const toItself = answers.filter((answer) => hostOf(answer.server) === localPod);
      expect(toItself.length).toBeGreaterThan(0);
      for (const answer of toItself) expect(hostOf(answer.client)).not.toBe(localPod);
    });

    it(`rejects a port that the Service does not have (IPv${family})`, async () => {
      for (const protocol of protocols) {
        const [answer] = await ask('clientPod', clusterIP, protocol, { port: 81 });
        expect(answer?.error).toBe('ECONNREFUSED');
      }
    });

    it(`drops connections to an address of the Service CIDR that no Service has (IPv${family})`, async () => {
      const unused = family === 4 ? '10.96.0.77' : 'fd00:10:96::77';
      const [answer] = await ask('clientPod', unused, 'tcp', { timeoutMilliseconds: 600 });
      expect(answer?.error).toBe('ETIMEDOUT');
    });
  }

  it('counts new connections per Service port', async () => {
    const count = async (): Promise<number> => {
      const counts = await rig.dataPlane.counters();
      return counts.find(({ port, family }) => port === 'tcp' && family === 4)?.connections ?? Number.NaN;
    };
    const before = await count();
    await ask('clientPod', addresses[4].clusterIP, 'tcp', { count: 7 });
    expect((await count()) - before).toBe(7);
  });

  it('follows the endpoints: only those that are left get new connections', async () => {
    rig.slice('web-4', slice('web', 4, ['remotePod']));
    const { written } = await rig.run();
    // Chains for a number of endpoints that nothing had before come first, in a transaction of their own.
    expect(written.transactions).toBeLessThanOrEqual(2);
    const answers = await ask('clientPod', addresses[4].clusterIP, 'tcp', { count: 20 });
    expect(new Set(answers.map((answer) => hostOf(answer.server)))).toEqual(new Set([addresses[4].remotePod]));
  });

  it('rejects at once when the last endpoint has gone, and serves again when one comes', async () => {
    rig.slice('web-4', slice('web', 4, []));
    await rig.run();
    for (const where of ['clientPod', 'node', 'outside'] as const) {
      for (const protocol of protocols) {
        const [answer] = await ask(where, addresses[4].clusterIP, protocol);
        expect(answer?.error, `${where} ${protocol}`).toBe('ECONNREFUSED');
      }
    }
    rig.slice('web-4', slice('web', 4, ['localPod']));
    await rig.run();
    const [answer] = await ask('clientPod', addresses[4].clusterIP);
    expect(hostOf(answer?.server)).toBe(addresses[4].localPod);
  });

  it.skipIf(!hasTable)('leaves nothing of earlier runs behind, however often it is restarted', async () => {
    const objects = {
      services: { web: service() },
      slices: { 'web-4': slice('web', 4, ['localPod']), 'web-6': slice('web', 6, ['localPod', 'remotePod']) },
    };
    const restarted = async (): Promise<string[]> => {
      rig.restart(objects);
      await rig.run();
      const table = await rig.nft('--stateless', 'list', 'table', 'inet', 'nftproxy');
      return withoutGenerations(table).split('\n').sort();
    };
    const before = await restarted();
    await restarted();
    expect(await restarted()).toEqual(before);
  });

  it('repairs on a restart what is not right any more', async () => {
    rig.restart({ services: { web: loadBalancer() }, slices: { 'web-4': slice('web', 4, ['remotePod']) } });
    await rig.run();
    const answers = await ask('clientPod', addresses[4].clusterIP, 'tcp', { count: 10 });
    expect(new Set(answers.map((answer) => hostOf(answer.server)))).toEqual(new Set([addresses[4].remotePod]));
    const [refused] = await ask('clientPod', addresses[6].clusterIP);
    expect(refused?.error).toBe('ECONNREFUSED');
  });
});
