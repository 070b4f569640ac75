import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IpvsSocket } from '../../src/ipvs/index.ts';
import type { Destination, VirtualServer } from '../../src/ipvs/index.ts';
import { Namespace } from '../support/index.ts';
import { whyNoIpvs } from '../support/index.ts';

const reason = await whyNoIpvs();
const first: Destination = { address: '10.244.1.2', port: 8080, weight: 1 };
const second: Destination = { address: '10.244.2.2', port: 8081, weight: 3 };
const server = (number: number, scheduler = 'rr', family: 4 | 6 = 4): VirtualServer => ({
  ...{ family, protocol: 'tcp', port: 4000 + number, scheduler },
  address: family === 4 ? '169.254.77.1' : 'fd00:77::1',
});

/** Schedulers of Linux 6.12 (net/netfilter/ipvs); `twos` came after 6.1. */
const schedulers = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'sh', 'dh', 'sed', 'nq', 'fo', 'ovf', 'mh'];

describe.skipIf(reason !== undefined)(
  `virtual servers in the kernel${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    let space: Namespace;
    let ipvs: IpvsSocket;

    beforeAll(async () => {
      space = await Namespace.create('ipvs');
      ipvs = IpvsSocket.open({ namespacePath: space.path });
    });
    afterAll(async () => {
      ipvs.close();
      await space.destroy();
    });

    it('are listed with their destinations as they were added, in both families', async () => {
      const six = server(1, 'wlc', 6);
      const refused = await ipvs.carryOut([
        { do: 'add', server: server(1) },
        { do: 'add', server: server(1), destination: first },
        { do: 'add', server: server(1), destination: second },
        { do: 'add', server: six },
        { do: 'add', server: six, destination: { address: 'fd00:244::2', port: 8080, weight: 7 } },
      ]);
      expect([...refused.values()]).toEqual([]);
      expect(await ipvs.servers()).toHaveLength(2);
      expect(await ipvs.servers()).toEqual(expect.arrayContaining([server(1), six]));
      const idle = { active: 0, inactive: 0 };
      const listed = await ipvs.destinations(server(1));
      expect(listed.sort((a, b) => a.port - b.port)).toEqual([
        { ...first, ...idle },
        { ...second, ...idle },
      ]);
      expect(await ipvs.destinations(six)).toEqual([{ address: 'fd00:244::2', port: 8080, weight: 7, ...idle }]);
    });

    it('change their scheduler and weights in place, and lose destinations', async () => {
      const changed = server(1, 'wrr');
      const refused = await ipvs.carryOut([
        { do: 'set', server: changed },
        { do: 'set', server: changed, destination: { ...first, weight: 0 } },
        { do: 'delete', server: changed, destination: second },
      ]);
      expect([...refused.values()]).toEqual([]);
      expect(await ipvs.servers()).toContainEqual(changed);
      expect(await ipvs.destinations(changed)).toMatchObject([{ address: '10.244.1.2', weight: 0 }]);
    });

    it('may have any scheduler of the kernel', async () => {
      const all = schedulers.map((scheduler, index) => server(100 + index, scheduler));
      const refused = await ipvs.carryOut(all.map((each) => ({ do: 'add', server: each })));
      expect([...refused.values()]).toEqual([]);
      expect(await ipvs.servers()).toEqual(expect.arrayContaining(all));
    });

    it('are refused one by one, with why, and all others are carried out', async () => {
      const operations = [
        { do: 'add', server: server(1) },
        { do: 'add', server: server(2, 'sorted') },
        { do: 'add', server: server(3), destination: first },
        { do: 'add', server: server(4) },
        { do: 'delete', server: server(4), destination: second },
        { do: 'delete', server: server(4) },
      ] as const;
      const refused = await ipvs.carryOut(operations);
      expect(operations.map((operation) => refused.get(operation)?.code ?? 'done')).toEqual([
        ...['EEXIST', 'ENOENT', 'ESRCH', 'done', 'ENOENT', 'done'],
      ]);
      expect(await ipvs.destinations(server(4))).toEqual([]);
    });

    it('are several thousand in one go', async () => {
      const many = Array.from({ length: 3000 }, (_, index) => server(1000 + index));
      const refused = await ipvs.carryOut(
        many.flatMap((each) => [
          { do: 'add', server: each },
          { do: 'add', server: each, destination: first },
        ]),
      );
      expect(refused.size).toBe(0);
      expect((await ipvs.servers()).filter(({ port }) => port >= 5000)).toHaveLength(3000);
      await ipvs.setTcpTimeout(120);
    });
  },
);
