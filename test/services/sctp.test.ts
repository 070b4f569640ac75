import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SctpServer, sendSctp } from '../support/index.ts';
import type { SctpOutcome } from '../support/index.ts';
import { addresses, loadBalancer, ServiceRig, slice } from '../support/node/index.ts';
import type { Pod } from '../support/node/index.ts';

const families = [4, 6] as const;
type Client = 'clientPod' | 'outside';
let rig: ServiceRig;
let servers: SctpServer[];

beforeAll(async () => {
  rig = await ServiceRig.create();
  servers = families.map((family) => new SctpServer(rig.namespaceOf('localPod'), addresses[family].localPod, 8080));
}, 60_000);

afterAll(async () => {
  for (const server of servers) server[Symbol.dispose]();
  await rig[Symbol.asyncDispose]();
});

async function install(spec: Parameters<typeof loadBalancer>[0], pods: readonly Pod[]): Promise<void> {
  rig.service('diameter', loadBalancer(spec));
  for (const family of families) rig.slice(`diameter-${family}`, slice('diameter', family, pods));
  await rig.run();
}

function init(where: Client, destination: string, port: number, timeoutMilliseconds = 3000): Promise<SctpOutcome> {
  const source = addresses[destination.includes(':') ? 6 : 4][where];
  return sendSctp(rig.namespaceOf(where), { source, destination, port, timeoutMilliseconds });
}

describe('the first packet of an SCTP association', () => {
  for (const family of families) {
    const { clusterIP, node, loadBalancerIP, externalIP, localPod, clientPod, outside } = addresses[family];

    it(`reaches the endpoint at every address of the Service, and its answer comes back (IPv${family})`, async () => {
      await install({}, ['localPod']);
      const kept = { outcome: 'answered', server: localPod, client: clientPod };
      expect(await init('clientPod', clusterIP, 80)).toEqual(kept);
      for (const [address, port] of [
        [node, 30080],
        [loadBalancerIP, 80],
        [externalIP, 80],
      ] as const) {
        const answer = await init('outside', address, port);
        expect(answer, address).toMatchObject({ outcome: 'answered', server: localPod });
        expect(answer, 'masqueraded').not.toMatchObject({ client: outside });
      }
    });

    it(`keeps its source address from outside with policy Local (IPv${family})`, async () => {
      await install({ externalTrafficPolicy: 'Local' }, ['localPod', 'remotePod']);
      const kept = { outcome: 'answered', server: localPod, client: outside };
      expect(await init('outside', node, 30080)).toEqual(kept);
      expect(await init('outside', loadBalancerIP, 80)).toEqual(kept);
    });

    it(`is dropped with policy Local and no endpoint on this node, and by source ranges (IPv${family})`, async () => {
      await install({ externalTrafficPolicy: 'Local' }, ['remotePod']);
      expect(await init('outside', node, 30080, 400)).toEqual({ outcome: 'nothing' });
      await install({ loadBalancerSourceRanges: ['203.0.113.0/24', '2001:db8:1::/48'] }, ['localPod']);
      expect(await init('outside', loadBalancerIP, 80, 400)).toEqual({ outcome: 'nothing' });
      expect(await init('outside', node, 30080)).toMatchObject({ outcome: 'answered' });
    });

    it(`is rejected without endpoints, and at a port that the Service does not have (IPv${family})`, async () => {
      await install({}, []);
      const targets = [
        [clusterIP, 80],
        [node, 30080],
        [loadBalancerIP, 80],
        [externalIP, 80],
        [clusterIP, 81],
      ] as const;
      for (const [address, port] of targets) {
        expect(await init('outside', address, port), `${address} ${port}`).toEqual({ outcome: 'unreachable' });
      }
    });
  }
});
