import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IpvsSocket } from '../../src/ipvs/index.ts';
import { hostOf, patience } from '../support/index.ts';
import { addresses, service, ServiceRig, slice } from '../support/node/index.ts';
import { whyNoIpvs } from '../support/index.ts';

const reason = await whyNoIpvs();
const { clusterIP, localPod, remotePod } = addresses[4];
const places = ['clientPod', 'outside', 'node'] as const;

describe.skipIf(reason !== undefined)(`mode ipvs with packets${reason === undefined ? '' : ` (${reason})`}`, () => {
  let rig: ServiceRig;
  let ipvs: IpvsSocket;

  beforeAll(async () => {
    rig = await ServiceRig.create();
    ipvs = IpvsSocket.open({ namespacePath: rig.space.path });
    rig.service('web', service());
    rig.slice('web-4', slice('web', 4, ['localPod', 'remotePod']));
  }, 60_000 * patience);
  afterAll(async () => {
    ipvs.close();
    await rig[Symbol.asyncDispose]();
  });

  const serve = async (): Promise<void> => {
    rig.configure({ mode: 'ipvs' });
    await rig.run();
  };

  const serversAnswering = async (where: (typeof places)[number], count: number): Promise<string[]> => {
    const answers = await rig
      .namespaceOf(where)
      .request({ protocol: 'tcp', address: clusterIP, port: 80, count, timeoutMilliseconds: 20_000 });
    return answers.map(({ server, error }) => error ?? hostOf(server));
  };

  it('takes turns exactly, as its scheduler rr does, for pods, from outside and for the node itself', async () => {
    await serve();
    expect(rig.dataPlane.fallbacks.size).toBe(0);
    for (const where of places) {
      const servers = await serversAnswering(where, 6);
      expect(
        servers.filter((server) => server === localPod),
        where,
      ).toHaveLength(3);
      expect(
        servers.filter((server) => server === remotePod),
        where,
      ).toHaveLength(3);
    }
  });

  it('shows open connections of each endpoint with the addresses that lead there', async () => {
    await serve();
    const resident = await rig.namespaceOf('outside').resident();
    const { id, server } = await resident.open(clusterIP);
    const [shown] = (await rig.dataPlane.engineTargets()).filter(
      ({ protocol, frontends }) => protocol === 'tcp' && frontends.some(({ address }) => address === clusterIP),
    );
    const open = new Map(shown?.serving?.endpoints.map(({ address, active }) => [address, active]));
    expect(open.get(hostOf(server))).toBe(1);
    await resident.hangUp(id);
  });

  it('lets connections go on when somebody deletes all virtual servers, and repairs that', async () => {
    await serve();
    const before = await ipvs.servers();
    const resident = await rig.namespaceOf('outside').resident();
    const { id, server } = await resident.open(clusterIP);
    await ipvs.carryOut(before.map((each) => ({ do: 'delete', server: each })));
    expect(await resident.talk(id)).toBe(server);
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(await ipvs.servers()).toEqual(expect.arrayContaining(before));
    expect(new Set(await serversAnswering('outside', 4))).toEqual(new Set([localPod, remotePod]));
    await resident.hangUp(id);
  });

  it('is gone without a trace when it is removed', async () => {
    expect(await rig.dataPlane.remove()).toMatch(/virtual servers of IPVS/);
    expect(await ipvs.servers()).toEqual([]);
    expect(await rig.space.run('ip', ['route', 'show', 'table', 'local', 'proto', '110'])).toBe('');
  });
});
