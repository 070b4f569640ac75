import { describe, expect, it } from 'vitest';
import { withDefaults } from '../../api/index.ts';
import { SyncRig } from './testing/index.ts';
import type { Target } from './trial/index.ts';

const web: Target = {
  name: 'Service default/web (10.96.0.1:80)',
  address: '10.96.0.1',
  port: 80,
  endpoints: [],
  alternatives: [],
};

/** A node whose connections break with masqueradeAll; it has good settings already unless told otherwise. */
async function node({ started = true } = {}) {
  const looks = Promise.withResolvers<readonly Target[]>();
  const verdicts: PromiseWithResolvers<readonly Target[]>[] = [];
  /** While this is true, what was broken stays so without the settings, too. */
  let outage: PromiseWithResolvers<void> | undefined;
  const rig = new SyncRig({
    before: () => looks.promise,
    broken: () => {
      const verdict = Promise.withResolvers<readonly Target[]>();
      verdicts.push(verdict);
      return verdict.promise;
    },
    restored: (broken) => Promise.resolve(outage ? [] : broken),
    untilTheyCanTell: () => outage?.promise ?? Promise.resolve(),
  });
  rig.configure();
  rig.serve(1, ['10.244.0.1']);
  if (started) await rig.sync.run();
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  /** Runs whenever the trial asks for it, as the loop does. */
  const follow = async (): Promise<void> => {
    do {
      rig.changes = 0;
      await rig.sync.run();
      await settle();
    } while (rig.changes > 0);
  };
  const looked = async () => (looks.resolve([web]), await settle());
  const decided = async (...broken: Target[]): Promise<void> => {
    verdicts.pop()?.resolve(broken);
    await settle();
  };
  return {
    ...{ rig, follow, looked, decided },
    /** Other settings are tried, and something goes away that has nothing to do with them. */
    intoDoubt: async (): Promise<void> => {
      rig.configure({ masqueradeAll: true });
      await looked();
      await follow();
      outage = Promise.withResolvers();
      await decided(web);
      await follow();
    },
    outageEnds: async (): Promise<void> => {
      outage?.resolve();
      outage = undefined;
      await settle();
    },
    masquerades: () => rig.kernel.node?.masqueradeAll,
  };
}

describe('settings on trial', () => {
  it('change no Service port before, be it mode or scheduler: what chooses is a setting as any other', async () => {
    const { rig, follow, looked, decided } = await node();
    const served = JSON.stringify([...rig.kernel.ports]);
    rig.configure({ mode: 'ipvs', ipvs: { scheduler: 'wlc' } });
    await follow();
    const writes = rig.kernel.writes.length;
    expect([JSON.stringify([...rig.kernel.ports]), rig.kernel.node?.engine]).toEqual([served, undefined]);
    await looked();
    await follow();
    expect([rig.kernel.node?.engine, rig.kernel.node?.scheduler]).toEqual(['ipvs', 'wlc']);
    expect(rig.kernel.writes.slice(writes)).toContain('setNode');
    await decided(web);
    await follow();
    expect([JSON.stringify([...rig.kernel.ports]), rig.kernel.node?.engine]).toEqual([served, undefined]);
  });

  it('wait until what works is known, and Services are followed meanwhile', async () => {
    const { rig, follow, looked, masquerades } = await node();
    rig.configure({ masqueradeAll: true });
    rig.serve(2, ['10.244.0.2']);
    await follow();
    expect([masquerades(), Object.keys(rig.forwarded())]).toEqual([false, ['web-1', 'web-2']]);
    await looked();
    await follow();
    expect(masquerades()).toBe(true);
  });

  it('are reported as applied only when everything works on', async () => {
    const { rig, follow, looked, decided, masquerades } = await node();
    const before = rig.sync.appliedRevision;
    rig.configure({ masqueradeAll: true });
    await looked();
    await follow();
    expect([masquerades(), rig.sync.appliedRevision]).toEqual([true, before]);
    await decided();
    await follow();
    expect([masquerades(), rig.sync.appliedRevision]).toEqual([true, rig.state.config?.revision]);
    expect(rig.sync.refusedSetup).toBeUndefined();
  });

  it('go back when something that worked does not any more, and say what; Services are followed', async () => {
    const { rig, follow, looked, decided, masquerades } = await node();
    const before = rig.sync.appliedRevision;
    rig.configure({ masqueradeAll: true });
    await looked();
    await follow();
    rig.serve(2, ['10.244.0.2']);
    await follow();
    expect(Object.keys(rig.forwarded())).toEqual(['web-1', 'web-2']);
    await decided(web);
    await follow();
    expect([masquerades(), rig.sync.appliedRevision]).toEqual([false, before]);
    expect(rig.sync.refusedSetup).toMatchObject({ rolledBack: true, config: { name: 'default' } });
    expect(String(rig.sync.refusedSetup?.error)).toContain(web.name);
  });

  it('that went back are not tried again by themselves, and others at once', async () => {
    const { rig, follow, looked, decided, masquerades } = await node();
    rig.configure({ masqueradeAll: true });
    await looked();
    await follow();
    await decided(web);
    await follow();
    expect(rig.sync.retrySettings()).toBe(false);
    rig.sync.suspect();
    rig.state.setServiceCIDRs(['10.96.0.0/16']);
    await follow();
    expect(masquerades()).toBe(false);
    rig.configure({ nodePortAddresses: ['192.0.2.0/24'] });
    await follow();
    await decided();
    await follow();
    expect(rig.kernel.node?.nodePortAddresses).toEqual(['192.0.2.0/24']);
    expect([rig.sync.refusedSetup, rig.sync.appliedRevision]).toEqual([undefined, rig.state.config?.revision]);
  });

  it('that had to go while an API server was away are not blamed for that: they are tried again when it is back', async () => {
    const { rig, follow, intoDoubt, decided, outageEnds, masquerades } = await node();
    const before = rig.sync.appliedRevision;
    await intoDoubt();
    // What was before is in force, and nobody is told that the settings failed.
    expect([masquerades(), rig.sync.appliedRevision, rig.sync.refusedSetup]).toEqual([false, before, undefined]);
    rig.serve(2, ['10.244.0.2']);
    rig.sync.suspect();
    await follow();
    expect([masquerades(), Object.keys(rig.forwarded())]).toEqual([false, ['web-1', 'web-2']]);
    await outageEnds();
    await follow();
    await decided();
    await follow();
    expect([masquerades(), rig.sync.appliedRevision]).toEqual([true, rig.state.config?.revision]);
    expect(rig.logs.join('')).toContain('something else kept this node from connecting');
  });

  it('in doubt give way to others at once', async () => {
    const { rig, follow, intoDoubt, decided, outageEnds } = await node();
    await intoDoubt();
    rig.configure({ nodePortAddresses: ['192.0.2.0/24'] });
    await follow();
    await decided();
    await follow();
    expect(rig.sync.appliedRevision).toBe(rig.state.config?.revision);
    await outageEnds();
    await follow();
    expect(rig.kernel.node?.nodePortAddresses).toEqual(['192.0.2.0/24']);
  });

  it('that the kernel refuses are tried again after what works is known anew', async () => {
    const { rig, follow, looked, decided, masquerades } = await node();
    rig.kernel.refuseNode = ({ masqueradeAll }) => (masqueradeAll ? 'EINVAL' : undefined);
    rig.configure({ masqueradeAll: true });
    await looked();
    await follow();
    expect(rig.sync.refusedSetup?.rolledBack).toBe(false);
    rig.kernel.refuseNode = () => undefined;
    rig.sync.retrySettings();
    await follow();
    await decided();
    await follow();
    expect([masquerades(), rig.sync.refusedSetup]).toEqual([true, undefined]);
  });

  it('are none where only the node or the cluster changed: what was before is no better', async () => {
    const { rig, follow } = await node();
    rig.state.setServiceCIDRs(['10.96.0.0/16']);
    await follow();
    expect(rig.kernel.node?.serviceCIDRs).toEqual(['10.96.0.0/16']);
  });

  it('that come while others are on trial wait for its end', async () => {
    const { rig, follow, looked, decided, masquerades } = await node();
    rig.configure({ masqueradeAll: true });
    await looked();
    await follow();
    rig.configure({ nodePortAddresses: ['192.0.2.0/24'] });
    await follow();
    expect(rig.kernel.node?.nodePortAddresses).not.toEqual(['192.0.2.0/24']);
    await decided(web);
    await follow();
    await decided();
    await follow();
    expect([masquerades(), rig.kernel.node?.nodePortAddresses]).toEqual([false, ['192.0.2.0/24']]);
    expect(rig.sync.appliedRevision).toBe(rig.state.config?.revision);
  });

  it('are on trial as well when the agent restarts: it begins with what its predecessor had in force', async () => {
    const { rig, follow, looked, decided, masquerades } = await node({ started: false });
    rig.sync.fallBackTo({ name: 'default', revision: 'earlier', config: withDefaults({}) });
    rig.configure({ masqueradeAll: true });
    await follow();
    expect([masquerades(), rig.sync.appliedRevision]).toEqual([false, 'earlier']);
    await looked();
    await follow();
    expect(masquerades()).toBe(true);
    await decided(web);
    await follow();
    expect([masquerades(), rig.sync.appliedRevision]).toEqual([false, 'earlier']);
  });
});
