import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IpvsSocket } from '../../src/ipvs/index.ts';
import type { VirtualServer } from '../../src/ipvs/index.ts';
import { KubeProxyRules } from '../../src/kube-proxy-rules/index.ts';
import { eventually } from '../support/index.ts';
import { addresses, service, ServiceRig, slice } from '../support/node/index.ts';
import { whyNoIpvs } from '../support/index.ts';

const reason = await whyNoIpvs();
const { clusterIP, localPod, node } = addresses[4];
const idleIP = '10.96.0.99';
const nodePort = 31999;
const server = (address: string, port: number): VirtualServer => ({
  ...{ family: 4, protocol: 'tcp', address, port, scheduler: 'rr' },
});
const others = server(node, 9999);

describe.skipIf(reason !== undefined)(
  `what kube-proxy’s mode ipvs leaves${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    let rig: ServiceRig;
    let ipvs: IpvsSocket;
    let rules: KubeProxyRules;

    beforeAll(async () => {
      rig = await ServiceRig.create();
      ipvs = IpvsSocket.open({ namespacePath: rig.space.path });
      rules = new KubeProxyRules({ namespacePath: rig.space.path });
      await ipvs.probe();
      // As kube-proxy sets them.
      rig.space.sysctl({ 'net.ipv4.vs.conntrack': 1, 'net.ipv4.vs.expire_nodest_conn': 1 });
      await rig.space.ip(
        'link add kube-ipvs0 type dummy',
        ...[clusterIP, idleIP].map((address) => `addr add ${address}/32 dev kube-ipvs0`),
      );
      const sets = ['create KUBE-NODE-PORT-TCP bitmap:port range 0-65535', `add KUBE-NODE-PORT-TCP ${nodePort}`];
      await rig.space.run('ipset', ['restore'], { input: `${sets.join('\n')}\n` });
      const servers = [server(clusterIP, 80), server(idleIP, 80), server(node, nodePort), others];
      const destination = { address: localPod, port: 8080, weight: 1 };
      const refused = await ipvs.carryOut([
        ...servers.map((each) => ({ do: 'add', server: each }) as const),
        ...servers.map((each) => ({ do: 'add', server: each, destination }) as const),
      ]);
      expect([...refused.values()]).toEqual([]);
    }, 120_000);
    afterAll(async () => {
      ipvs.close();
      await rig[Symbol.asyncDispose]();
    });

    const addressesLeft = async (): Promise<string[]> => {
      const text = await rig.space.run('ip', ['-4', '-o', 'addr', 'show', 'dev', 'kube-ipvs0']).catch(() => '');
      return [...text.matchAll(/inet ([\d.]+)/g)].flatMap(([, address = '']) => address);
    };
    const serversLeft = async (): Promise<string[]> =>
      (await ipvs.servers()).map(({ address, port }) => `${address}:${port}`).toSorted();

    it('goes, but for virtual servers with open connections, which stay until these end; others’ are not touched', async () => {
      const client = await rig.namespaceOf('clientPod').resident();
      const through = await client.open(clusterIP);
      expect(through.server).toBe(localPod);
      // nftproxy serves from now on.
      rig.service('web', service());
      rig.slice('web-4', slice('web', 4, ['localPod']));
      await rig.run();
      expect(await rules.find()).toMatchObject({ ipvs: { virtualServers: 3, sets: 1 } });

      expect((await rules.remove()).removed).toEqual(['2 virtual servers of IPVS']);
      expect(await serversLeft()).toEqual([`${clusterIP}:80`, `${node}:9999`].toSorted());
      expect(await addressesLeft()).toEqual([clusterIP]);
      await client.talk(through.id);

      const fresh = await client.open(clusterIP);
      await client.hangUp(through.id);
      await eventually('the connection to end', async () => {
        const states = await ipvs.destinations(server(clusterIP, 80));
        return states.every(({ active }) => active === 0);
      });
      await rules.remove();
      expect(await serversLeft()).toEqual([`${node}:9999`]);
      expect(await rules.find()).toMatchObject({ ipvs: undefined });
      expect(await addressesLeft()).toEqual([]);
      expect(await rig.space.run('ipset', ['list', '-n'])).toBe('');
      await client.talk(fresh.id);
    }, 240_000);
  },
);
