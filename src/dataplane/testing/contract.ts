import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DataPlane, DesiredPort, Packet } from '../data-plane.ts';
import { byId, plainNode, servicePort } from './ports.ts';

/** One kernel in which data planes of a mode are opened, one after the other. */
export interface ContractHost {
  open(): DataPlane;
  /** A Service port of id `default/service-66:/tcp/4` that the kernel refuses. */
  refusedPort(): DesiredPort;
  /** Lets somebody else change our state. Undefined where the kernel does not let anybody. */
  interfere?(): Promise<void>;
  dispose(): Promise<void>;
}

const to = (destination: string, port = 80): Packet => ({
  source: '10.244.9.9',
  destination,
  protocol: 'tcp',
  port,
  fromHost: false,
  fromPod: true,
  toHost: false,
  masqueradeAll: false,
});

/**
 * What every data plane promises (data-plane.ts), without packets: run against each mode's implementation and against
 * the one in memory, so that tests that use the latter speak about the former. The stories with packets are in
 * test/services.
 */
export function dataPlaneContract(name: string, createHost: () => Promise<ContractHost>): void {
  describe(`a data plane (${name})`, () => {
    let host: ContractHost;
    const opened: DataPlane[] = [];
    const open = (): DataPlane => {
      const dataPlane = host.open();
      opened.push(dataPlane);
      return dataPlane;
    };
    const actions = async (dataPlane: DataPlane, ...numbers: number[]): Promise<string[]> => {
      const explained = await Promise.all(numbers.map((number) => dataPlane.explain(to(`10.96.0.${number}`))));
      return explained.map(({ action }) => action);
    };

    beforeEach(async () => {
      host = await createHost();
    });
    afterEach(async () => {
      for (const dataPlane of opened.splice(0)) dataPlane.close();
      await host.dispose();
    });

    it('serves what it was started with, and says so', async () => {
      const dataPlane = open();
      const { refused, removedFrontends } = await dataPlane.start(
        byId([servicePort(1), servicePort(2, [])]),
        plainNode,
      );
      expect([refused, removedFrontends]).toEqual([[], []]);
      expect([...dataPlane.served.keys()]).toEqual(['default/service-1:/tcp/4', 'default/service-2:/tcp/4']);
      expect(await actions(dataPlane, 1, 2)).toEqual(['forward', 'reject']);
      expect((await dataPlane.explain(to('10.96.0.1'))).endpoints).toEqual(['10.244.0.1:8080']);
      expect((await dataPlane.explain(to('203.0.113.1'))).action).toBe('pass');
      expect([...dataPlane.sizes.values()].reduce((sum, size) => sum + size, 0)).toBeGreaterThan(0);
    });

    it('follows changes: more, other and fewer Service ports', async () => {
      const dataPlane = open();
      await dataPlane.start(byId([servicePort(1), servicePort(2)]), plainNode);
      const changes = new Map([
        ...byId([servicePort(1, ['10.244.0.7', '10.244.0.8']), servicePort(3)]),
        ['default/service-2:/tcp/4', undefined] as const,
      ]);
      const { written, refused } = await dataPlane.apply(changes);
      expect(refused).toEqual([]);
      expect(written.transactions).toBeGreaterThan(0);
      expect([...dataPlane.served.keys()].sort()).toEqual(['default/service-1:/tcp/4', 'default/service-3:/tcp/4']);
      expect((await dataPlane.explain(to('10.96.0.1'))).endpoints).toEqual(['10.244.0.7:8080', '10.244.0.8:8080']);
      expect(await actions(dataPlane, 3)).toEqual(['forward']);
      expect(await actions(dataPlane, 2)).not.toContain('forward');
    });

    it('writes nothing for what is there already', async () => {
      const dataPlane = open();
      await dataPlane.start(byId([servicePort(1)]), plainNode);
      expect((await dataPlane.apply(byId([servicePort(1)]))).written.elements).toBe(0);
      expect((await dataPlane.setNode(plainNode)).elements).toBe(0);
    });

    it('is taken over by its successor, who tells which frontends it removed', async () => {
      const first = open();
      await first.start(byId([servicePort(1), servicePort(2)]), plainNode);
      first.close();
      const second = open();
      expect(await actions(second, 1, 2)).toEqual(['forward', 'forward']);
      const started = await second.start(byId([servicePort(1)]), plainNode);
      expect(started.removedFrontends).toEqual([{ family: 4, protocol: 'tcp', address: '10.96.0.2', port: 80 }]);
      expect(await actions(second, 1)).toEqual(['forward']);
      second.close();
      const third = open();
      expect(await third.start(byId([servicePort(1)]), plainNode)).toMatchObject({ refused: [], removedFrontends: [] });
      expect(await actions(third, 1)).toEqual(['forward']);
    });

    it('sets a refused Service port aside at a start and serves all others', async () => {
      const dataPlane = open();
      const { refused } = await dataPlane.start(byId([servicePort(1), host.refusedPort(), servicePort(2)]), plainNode);
      expect(refused.map(({ id }) => id)).toEqual(['default/service-66:/tcp/4']);
      expect(refused[0]?.reason).not.toBe('');
      expect(await actions(dataPlane, 1, 2)).toEqual(['forward', 'forward']);
      expect(dataPlane.served.has('default/service-66:/tcp/4')).toBe(false);
    });

    it('sets a refused change aside, serves the others, and keeps what the refused one had', async () => {
      const dataPlane = open();
      await dataPlane.start(byId([servicePort(1)]), plainNode);
      const retried = new Set(['default/service-66:/tcp/4']);
      const { refused } = await dataPlane.apply(byId([host.refusedPort(), servicePort(2)]), retried);
      expect(refused.map(({ id }) => id)).toEqual(['default/service-66:/tcp/4']);
      expect(await actions(dataPlane, 1, 2)).toEqual(['forward', 'forward']);
      await dataPlane.apply(new Map([['default/service-66:/tcp/4', undefined]]));
      expect([...dataPlane.served.keys()].sort()).toEqual(['default/service-1:/tcp/4', 'default/service-2:/tcp/4']);
    });

    it('counts connections per Service port and kind of frontend, from zero', async () => {
      const dataPlane = open();
      await dataPlane.start(byId([servicePort(1)]), plainNode);
      expect(await dataPlane.counters()).toEqual([
        {
          namespace: 'default',
          service: 'service-1',
          port: '',
          protocol: 'tcp',
          family: 4,
          frontend: 'ClusterIP',
          connections: 0,
        },
      ]);
    });

    it('is intact while only it writes; when others change its state it notices, and a start repairs', async () => {
      const dataPlane = open();
      expect(await dataPlane.verify()).toBe('intact');
      await dataPlane.start(byId([servicePort(1)]), plainNode);
      await dataPlane.apply(byId([servicePort(2)]));
      await dataPlane.setNode({ ...plainNode, serviceCIDRs: ['10.96.0.0/16', '10.97.0.0/16'] });
      expect(await dataPlane.verify()).toBe('intact');
      if (!host.interfere) return;
      await host.interfere();
      expect(await dataPlane.verify()).toBe('changed');
      await dataPlane.start(byId([servicePort(1), servicePort(2)]), plainNode);
      expect(await actions(dataPlane, 1, 2)).toEqual(['forward', 'forward']);
      expect(await dataPlane.verify()).toBe('intact');
    });

    it('says beforehand what it would change, of whatever is there, and changes nothing by that', async () => {
      const [before, after] = [byId([servicePort(1), servicePort(2)]), byId([servicePort(1), servicePort(3)])];
      const keys = async (dataPlane: DataPlane): Promise<[deletes: string, adds: string]> => {
        const { sets } = await dataPlane.preview(after, plainNode);
        const said = (list: 'deletes' | 'adds') => sets.flatMap((set) => set[list].map(({ key }) => key)).join();
        return [said('deletes'), said('adds')];
      };
      expect((await keys(open()))[0]).toBe('');
      const dataPlane = open();
      await dataPlane.start(before, plainNode);
      expect((await open().preview(before, plainNode)).sets).toEqual([]);
      const [deletes, adds] = await keys(open());
      expect(deletes).toMatch(/10\.96\.0\.2|service-2/);
      expect(adds).toMatch(/10\.96\.0\.3|service-3/);
      expect(`${deletes}${adds}`).not.toMatch(/10\.96\.0\.1\b|service-1\b/);
      expect(await dataPlane.verify()).toBe('intact');
      expect(await actions(dataPlane, 2)).toEqual(['forward']);
      expect((await dataPlane.preview(before, { ...plainNode, masqueradeAll: true })).chains.allAnew).toBe(true);
      await dataPlane.apply(new Map([...after, ['default/service-2:/tcp/4', undefined]]));
      expect(await keys(open())).toEqual(['', '']);
    });

    it('is removed without a trace, once', async () => {
      const dataPlane = open();
      expect(await dataPlane.remove()).toBeUndefined();
      await dataPlane.start(byId([servicePort(1)]), plainNode);
      expect(await dataPlane.remove()).toMatch(/\w/);
      expect([...dataPlane.served.keys()]).toEqual([]);
      expect(await dataPlane.remove()).toBeUndefined();
      await dataPlane.start(byId([servicePort(2)]), plainNode);
      expect(await actions(dataPlane, 2)).toEqual(['forward']);
    });
  });
}
