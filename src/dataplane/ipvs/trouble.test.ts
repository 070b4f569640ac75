import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DesiredPort, NodeSettings } from '../data-plane.ts';
import { byId, plainNode, servicePort } from '../testing/index.ts';
import type { EngineDataPlane } from '../engines/index.ts';
import { ask, EngineRig } from './testing/index.ts';

const ipvsNode: NodeSettings = { ...plainNode, engine: 'ipvs' };
const two = (): Map<string, DesiredPort> => byId([servicePort(1), servicePort(2)]);
const idOf = (number: number): string => `default/service-${number}:/tcp/4`;
let rig: EngineRig;

beforeEach(() => {
  rig = new EngineRig();
  rig.kernel.watch = () => {
    expect(rig.deadEnds).toEqual([]);
  };
});

describe('a kernel whose IPVS', () => {
  it('is unloaded while it serves: slots serve from the next look on, and IPVS again when it is back', async () => {
    const dataPlane = rig.open();
    await dataPlane.start(two(), ipvsNode);
    rig.kernel.unload();
    expect(await dataPlane.verify()).toBe('changed');
    await dataPlane.start(two(), ipvsNode);
    expect([dataPlane.fallbacks.size, rig.targets]).toEqual([2, []]);
    expect((await ask(dataPlane, 1)).endpoints).toEqual(['10.244.0.1:8080']);
    expect(await dataPlane.verify()).toBe('intact');
    expect([...(await dataPlane.recoverable())]).toEqual([]);
    rig.kernel.missing = undefined;
    expect([...(await dataPlane.recoverable())]).toEqual([idOf(1), idOf(2)]);
    await dataPlane.apply(two());
    expect([dataPlane.fallbacks.size, rig.servers.length, rig.deadEnds]).toEqual([0, 2, []]);
  });

  it('loses a setting that it cannot do without, and that cannot be made: slots serve', async () => {
    const dataPlane = rig.open();
    await dataPlane.start(two(), ipvsNode);
    rig.kernel.missing = 'cannot set net.ipv4.vs.conntrack to 1';
    expect(await dataPlane.verify()).toBe('changed');
    await dataPlane.start(two(), ipvsNode);
    expect([...dataPlane.fallbacks.values()].map(({ reason }) => reason)).toEqual(
      Array(2).fill('cannot set net.ipv4.vs.conntrack to 1'),
    );
    expect([rig.targets, rig.servers]).toEqual([[], []]);
  });

  it('lacks a scheduler is asked for it once, not for each Service, and each is served again when it has it', async () => {
    const dataPlane = rig.open();
    await dataPlane.start(two(), { ...ipvsNode, scheduler: 'twos' });
    expect([dataPlane.fallbacks.size, rig.kernel.searches]).toEqual([2, 1]);
    expect(dataPlane.fallbacks.get(idOf(1))).toEqual({
      reason: 'the kernel has no scheduler twos of IPVS (modprobe ip_vs_twos on the node)',
      askedBy: 'node',
    });
    expect([...(await dataPlane.recoverable())]).toEqual([]);
    rig.kernel.schedulers = ['twos'];
    expect((await dataPlane.recoverable()).size).toBe(2);
    await dataPlane.apply(two());
    expect([dataPlane.fallbacks.size, rig.servers]).toEqual([0, Array(2).fill('tcp T twos: 10.244.0.1 8080 1')]);
  });
});

describe('another program that deletes all virtual servers', () => {
  const minute = 60_000;
  let now = 0;

  beforeEach(() => {
    rig.kernel.watch = () => undefined;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
  });
  afterEach(() => vi.restoreAllMocks());

  /** It does so, and the agent looks. */
  const deletedAfter = async (dataPlane: EngineDataPlane, milliseconds: number): Promise<string> => {
    now += milliseconds;
    const servers = await rig.kernel.ipvs.servers();
    await rig.kernel.ipvs.carryOut(servers.map((server) => ({ do: 'delete', server })));
    return dataPlane.verify();
  };

  it('now and then is repaired each time', async () => {
    const dataPlane = rig.open();
    await dataPlane.start(two(), ipvsNode);
    for (let times = 0; times < 10; times++) {
      expect(await deletedAfter(dataPlane, 4 * minute)).toBe('intact');
      expect([rig.servers.length, rig.deadEnds]).toEqual([2, []]);
    }
  });

  it('again and again is given way: slots serve for a time, and it is said what to do', async () => {
    const dataPlane = rig.open();
    await dataPlane.start(two(), ipvsNode);
    for (let times = 0; times < 3; times++) expect(await deletedAfter(dataPlane, minute / 2)).toBe('intact');
    expect(await deletedAfter(dataPlane, minute / 2)).toBe('changed');
    await dataPlane.start(two(), ipvsNode);
    expect([rig.targets, rig.servers, dataPlane.fallbacks.size]).toEqual([[], [], 2]);
    expect(dataPlane.fallbacks.get(idOf(1))?.reason).toContain('ipvs.excludeCIDRs');
    expect((await ask(dataPlane, 1)).endpoints).toEqual(['10.244.0.1:8080']);
    now += 9 * minute;
    expect([...(await dataPlane.recoverable())]).toEqual([]);
    now += 2 * minute;
    expect([...(await dataPlane.recoverable())]).toEqual([idOf(1), idOf(2)]);
    await dataPlane.apply(two());
    expect([dataPlane.fallbacks.size, rig.servers.length, rig.deadEnds]).toEqual([0, 2, []]);
  });
});

describe('a Service port whose scheduler becomes one that the kernel lacks', () => {
  it('is served at every moment: by its virtual server until the table leads to slots', async () => {
    const dataPlane = rig.open();
    await dataPlane.start(two(), ipvsNode);
    rig.nftables.failNext('ENOMEM');
    const changed = byId([servicePort(1, undefined, { scheduler: 'twos' })]);
    await expect(dataPlane.apply(changed)).rejects.toThrow('ENOMEM');
    expect([rig.targets.length, rig.deadEnds]).toEqual([2, []]);
    await dataPlane.start(new Map([...two(), ...changed]), ipvsNode);
    expect([rig.targets.length, rig.servers.length, [...dataPlane.fallbacks.keys()]]).toEqual([1, 1, [idOf(1)]]);
  });
});

describe('a node that is told to do what it cannot', () => {
  it('refuses mode ipvs where the kernel has no IPVS, before anything has changed', async () => {
    const dataPlane = rig.open();
    rig.kernel.missing = 'ip_vs';
    await dataPlane.start(two(), plainNode);
    const before = rig.nftables.toString();
    await expect(dataPlane.setNode({ ...ipvsNode, masqueradeAll: true })).rejects.toThrow(
      'this node cannot do mode ipvs: the kernel has no IPVS: load the module ip_vs',
    );
    expect([dataPlane.mode, rig.nftables.toString(), dataPlane.fallbacks.size]).toEqual(['nftables', before, 0]);
  });

  it('refuses a scheduler that the kernel lacks, and goes on with the one before', async () => {
    const dataPlane = rig.open();
    await dataPlane.start(two(), ipvsNode);
    const before = rig.kernel.text;
    await expect(dataPlane.setNode({ ...ipvsNode, scheduler: 'twos' })).rejects.toThrow('no scheduler twos');
    expect([rig.kernel.text, dataPlane.fallbacks.size]).toEqual([before, 0]);
    await dataPlane.setNode({ ...ipvsNode, scheduler: 'wlc' });
    expect(rig.servers).toEqual(Array(2).fill('tcp T wlc: 10.244.0.1 8080 1'));
  });

  it('goes back as a whole when the change fails half-way', async () => {
    const dataPlane = rig.open();
    await dataPlane.start(two(), ipvsNode);
    const servers = rig.kernel.text;
    let operations = 0;
    rig.kernel.watch = () => {
      // After the trial of the scheduler, which are three: the first of two virtual servers.
      if (++operations === 3) rig.kernel.failAfter(1);
    };
    const next: NodeSettings = { ...ipvsNode, masqueradeAll: true, scheduler: 'wlc' };
    await expect(dataPlane.setNode(next)).rejects.toThrow('answers are missing');
    expect([rig.kernel.text, rig.deadEnds, dataPlane.fallbacks.size]).toEqual([servers, [], 0]);
    expect(await dataPlane.preview(two(), ipvsNode)).toMatchObject({ sets: [], chains: { allAnew: false } });
    expect((await dataPlane.preview(two(), next)).chains.changed).not.toEqual([]);
  });
});

describe('what nothing leads to any more', () => {
  it('and cannot be taken away holds nobody up: the sync has succeeded, and a later look tries again', async () => {
    const dataPlane = rig.open();
    await dataPlane.start(two(), ipvsNode);
    rig.kernel.failAfter(0);
    const { refused } = await dataPlane.apply(new Map([[idOf(1), undefined]]));
    expect([refused, rig.targets.length, rig.servers.length]).toEqual([[], 1, 2]);
    expect(rig.logs.join('\n')).toContain('cannot take away what nothing leads to any more of IPVS');
    expect(await dataPlane.verify()).toBe('intact');
    await dataPlane.start(byId([servicePort(2)]), ipvsNode);
    expect(rig.servers).toHaveLength(1);
  });
});

describe('what would be written in mode ipvs', () => {
  it('is told without a route, a setting or a virtual server being made', async () => {
    const { sets } = await rig.open().preview(two(), ipvsNode);
    expect(JSON.stringify(sets)).toContain('169.254.77.');
    expect([rig.kernel.text, rig.kernel.routes]).toEqual([[], []]);
  });
});
