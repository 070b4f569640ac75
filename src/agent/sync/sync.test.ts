import { describe, expect, it } from 'vitest';
import { withDefaults } from '../../api/index.ts';
import { MemoryDataPlane, plainNode } from '../../dataplane/testing/index.ts';
import { slice } from '../../services/testing/index.ts';
import { SyncRig } from './testing/index.ts';

function started(): SyncRig {
  const rig = new SyncRig();
  rig.configure();
  rig.serve(1, ['10.244.0.1']);
  return rig;
}

/** The first Service gets this endpoint alone, by a change that the cluster says happened at `time`. */
function changeEndpoints({ state }: SyncRig, time: string, address = '10.244.0.9', labels = {}): void {
  const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': time };
  state.endpointSlice('default/web-1-4', slice('web-1', [address], { annotations, labels }));
}

describe('a sync', () => {
  it('brings everything to the kernel the first time, and only what changed from then on', async () => {
    const rig = started();
    expect(await rig.sync.run()).toMatchObject({ full: true });
    rig.serve(2, ['10.244.0.2']);
    const { full, changes } = await rig.sync.run();
    expect([full, changes.map(({ before, after }) => [before?.name, after?.name])]).toEqual([
      false,
      [[undefined, 'web-2']],
    ]);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'], 'web-2': ['10.244.0.2'] });
    expect(rig.kernel.writes).toEqual(['start', 'apply']);
  });

  it('takes in objects that came before the configuration', async () => {
    const rig = new SyncRig();
    rig.serve(1, ['10.244.0.1']);
    await expect(rig.sync.run()).rejects.toThrow('before there is a configuration');
    rig.configure();
    await rig.sync.run();
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
  });

  it('tells the revision that the kernel has only once it has it', async () => {
    const rig = started();
    rig.kernel.failure = new Error('no');
    await expect(rig.sync.run()).rejects.toThrow('no');
    expect(rig.sync.appliedRevision).toBeUndefined();
    rig.kernel.failure = undefined;
    await rig.sync.run();
    const first = rig.sync.appliedRevision;
    rig.configure({ masqueradeAll: true });
    expect(rig.sync.appliedRevision).toBe(first);
    await rig.sync.run();
    expect(rig.sync.appliedRevision).not.toBe(first);
    expect(rig.kernel.node?.masqueradeAll).toBe(true);
  });

  it('that fails loses nothing, and the next one compares everything', async () => {
    const rig = started();
    await rig.sync.run();
    rig.serve(2, ['10.244.0.2']);
    rig.kernel.failure = new Error('no memory');
    await expect(rig.sync.run()).rejects.toThrow('no memory');
    rig.kernel.failure = undefined;
    expect((await rig.sync.run()).full).toBe(true);
    expect(Object.keys(rig.forwarded())).toEqual(['web-1', 'web-2']);
    expect((await rig.sync.run()).full).toBe(false);
  });

  it('tells when the endpoint changes happened that it brought, once, also after a failure', async () => {
    const rig = started();
    await rig.sync.run();
    changeEndpoints(rig, '2026-01-01T00:00:05Z');
    rig.kernel.failure = new Error('no');
    await expect(rig.sync.run()).rejects.toThrow();
    rig.kernel.failure = undefined;
    const at = Date.parse('2026-01-01T00:00:05Z');
    expect((await rig.sync.run()).triggers).toEqual([{ family: 4, at }]);
    expect((await rig.sync.run()).triggers).toEqual([]);
  });

  it('measures no change from before the agent, and none that moved no endpoint', async () => {
    const rig = new SyncRig();
    rig.serve(1, ['10.244.0.1']);
    changeEndpoints(rig, '2026-01-01T00:00:05Z');
    rig.configure();
    // Whatever came before there was a configuration waited for that, and not for this agent.
    expect((await rig.sync.run()).triggers).toEqual([]);
    changeEndpoints(rig, '2025-12-31T21:00:00Z', '10.244.0.8');
    expect((await rig.sync.run()).triggers).toEqual([]);
    changeEndpoints(rig, '2026-01-01T00:00:07Z', '10.244.0.8', { any: 'label' });
    expect((await rig.sync.run()).triggers).toEqual([]);
  });

  it('after somebody else wrote compares everything and repairs', async () => {
    const rig = started();
    await rig.sync.run();
    expect(await rig.sync.drifted()).toBe(false);
    rig.kernel.ports.clear();
    rig.kernel.changed = true;
    expect(await rig.sync.drifted()).toBe(true);
    rig.sync.suspect();
    expect((await rig.sync.run()).full).toBe(true);
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
  });
});

describe('a sync of everything', () => {
  it('is followed by another one if somebody wrote while it was under way', async () => {
    const rig = started();
    const running = rig.sync.run();
    rig.sync.suspect();
    await running;
    expect((await rig.sync.run()).full).toBe(true);
    expect((await rig.sync.run()).full).toBe(false);
  });
});

describe('a Service port that the kernel refuses', () => {
  it('is set aside and told of, all others are served, and it is served once it is tried again and taken', async () => {
    const rig = started();
    rig.kernel.refuse = ({ port }) => (port.name === 'web-2' ? 'EINVAL' : undefined);
    rig.serve(2, ['10.244.0.2']);
    await rig.sync.run();
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
    expect([...rig.sync.quarantine.values()].map(({ id, reason }) => [id, reason])).toEqual([
      ['default/web-2:/tcp/4', 'EINVAL'],
    ]);
    expect(rig.logs.join('')).toContain('default/web-2:/tcp/4');
    rig.kernel.refuse = () => undefined;
    expect(rig.sync.retryQuarantined()).toBe(true);
    expect((await rig.sync.run()).full).toBe(false);
    expect(Object.keys(rig.forwarded())).toEqual(['web-1', 'web-2']);
    expect(rig.sync.quarantine.size).toBe(0);
    expect(rig.sync.retryQuarantined()).toBe(false);
  });

  it('counts for others as what the kernel still has of it', async () => {
    const rig = started();
    await rig.sync.run();
    rig.kernel.refuse = () => 'EINVAL';
    rig.serve(1, ['10.244.0.7']);
    const { changes } = await rig.sync.run();
    expect(changes[0]?.after?.clusterEndpoints.map(({ address }) => address)).toEqual(['10.244.0.1']);
    expect(rig.sync.quarantine.size).toBe(1);
  });

  it('is tried with its newest state, and forgotten when its Service goes', async () => {
    const rig = started();
    rig.kernel.refuse = ({ port }) => (port.clusterEndpoints.length === 1 ? 'too few' : undefined);
    await rig.sync.run();
    rig.serve(1, ['10.244.0.1', '10.244.0.2']);
    rig.sync.retryQuarantined();
    await rig.sync.run();
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1', '10.244.0.2'] });
    rig.serve(1, ['10.244.0.1']);
    await rig.sync.run();
    expect(rig.sync.quarantine.size).toBe(1);
    rig.serve(1, undefined);
    await rig.sync.run();
    expect([rig.sync.quarantine.size, rig.forwarded()]).toEqual([0, {}]);
  });
});

describe('what another mode has left in the kernel', () => {
  it('fails no sync when it cannot be removed, and goes with the first one that can', async () => {
    const rig = started();
    await new MemoryDataPlane('other', rig.otherKernel).start(new Map(), plainNode);
    rig.otherKernel.failure = new Error('busy');
    await rig.sync.run();
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'] });
    expect(rig.otherKernel.node).toBeDefined();
    rig.otherKernel.failure = undefined;
    rig.serve(2, ['10.244.0.2']);
    expect((await rig.sync.run()).full).toBe(false);
    expect(rig.otherKernel.node).toBeUndefined();
  });
});

describe('settings of the node that the kernel refuses', () => {
  async function refusing(): Promise<SyncRig> {
    const rig = started();
    await rig.sync.run();
    rig.kernel.refuseNode = ({ masqueradeAll }) => (masqueradeAll ? 'EINVAL' : undefined);
    return rig;
  }

  it('leave the last good ones in force and hold up no Service', async () => {
    const rig = await refusing();
    const revision = rig.sync.appliedRevision;
    rig.configure({ masqueradeAll: true });
    rig.serve(2, ['10.244.0.2']);
    const { refusedSetup, settings } = await rig.sync.run();
    expect(rig.forwarded()).toEqual({ 'web-1': ['10.244.0.1'], 'web-2': ['10.244.0.2'] });
    expect([rig.kernel.node?.masqueradeAll, settings.masqueradeAll]).toEqual([false, false]);
    expect(refusedSetup?.error).toMatchObject({ message: 'EINVAL' });
    expect(refusedSetup?.config.revision).toBe(rig.state.config?.revision);
    expect(rig.sync.appliedRevision).toBe(revision);
  });

  it('are not asked for again with every change of a Service', async () => {
    const rig = await refusing();
    rig.configure({ masqueradeAll: true });
    await rig.sync.run();
    rig.serve(2, ['10.244.0.2']);
    rig.kernel.writes.length = 0;
    await rig.sync.run();
    expect(rig.kernel.writes).toEqual(['apply']);
    rig.sync.suspect();
    await rig.sync.run();
    expect(rig.kernel.writes).toEqual(['apply', 'start']);
    expect(rig.sync.refusedSetup).toBeDefined();
  });

  it('are tried again when somebody asks for it, and at once when they are changed', async () => {
    const rig = await refusing();
    rig.configure({ masqueradeAll: true });
    await rig.sync.run();
    expect(rig.sync.retrySettings()).toBe(true);
    await rig.sync.run();
    expect(rig.sync.refusedSetup).toBeDefined();
    rig.configure({ masqueradeAll: false, nodePortAddresses: ['192.0.2.0/24'] });
    await rig.sync.run();
    expect(rig.kernel.node?.nodePortAddresses).toEqual(['192.0.2.0/24']);
    expect([rig.sync.refusedSetup, rig.sync.retrySettings()]).toEqual([undefined, false]);
    expect(rig.sync.appliedRevision).toBe(rig.state.config?.revision);
  });

  it('hold up no Service either when everything is compared', async () => {
    const rig = await refusing();
    rig.configure({ masqueradeAll: true });
    rig.serve(2, ['10.244.0.2']);
    rig.sync.suspect();
    const { full, refusedSetup } = await rig.sync.run();
    expect([full, refusedSetup?.error]).toEqual([true, new Error('EINVAL')]);
    expect(Object.keys(rig.forwarded())).toEqual(['web-1', 'web-2']);
    expect(rig.kernel.node?.masqueradeAll).toBe(false);
  });

  it('are an error where there are no good ones: at the first start', async () => {
    const rig = started();
    rig.kernel.refuseNode = () => 'EINVAL';
    await expect(rig.sync.run()).rejects.toThrow('EINVAL');
    expect(rig.forwarded()).toEqual({});
  });

  it('leave an agent that starts with them to what an earlier one had in force, until they are mended', async () => {
    const rig = started();
    const earlier = { name: 'default', revision: 'earlier', config: withDefaults({ clusterCIDRs: ['10.244.0.0/16'] }) };
    rig.sync.fallBackTo(earlier);
    rig.kernel.refuseNode = ({ masqueradeAll }) => (masqueradeAll ? 'EINVAL' : undefined);
    rig.configure({ masqueradeAll: true });
    const { refusedSetup } = await rig.sync.run();
    expect(refusedSetup?.config).toBe(rig.state.config);
    expect(rig.kernel.node?.localSources).toEqual(['10.244.0.0/16']);
    expect([rig.sync.appliedRevision, rig.forwarded()]).toEqual(['earlier', { 'web-1': ['10.244.0.1'] }]);
    rig.serve(2, ['10.244.0.2']);
    await rig.sync.run();
    expect(Object.keys(rig.forwarded())).toEqual(['web-1', 'web-2']);
    rig.configure();
    await rig.sync.run();
    expect([rig.sync.appliedRevision, rig.sync.refusedSetup]).toEqual([rig.state.config?.revision, undefined]);
  });

  it('are an error at a start where those of an earlier agent fail as well', async () => {
    const rig = started();
    rig.sync.fallBackTo({ name: 'default', revision: 'earlier', config: withDefaults({ masqueradeAll: true }) });
    rig.kernel.refuseNode = () => 'EPERM';
    await expect(rig.sync.run()).rejects.toThrow('EPERM');
    expect([rig.sync.appliedRevision, rig.sync.refusedSetup]).toEqual([undefined, undefined]);
  });

  it('are not blamed for what goes wrong with good ones too', async () => {
    const rig = await refusing();
    rig.configure({ masqueradeAll: true });
    rig.sync.suspect();
    rig.kernel.failure = new Error('no memory');
    await expect(rig.sync.run()).rejects.toThrow('no memory');
    expect(rig.sync.refusedSetup).toBeUndefined();
  });
});
