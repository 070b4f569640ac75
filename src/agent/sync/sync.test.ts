import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SyncRig } from './testing/index.ts';

function started(): SyncRig {
  const rig = new SyncRig();
  rig.configure();
  rig.serve(1, ['10.244.0.1']);
  return rig;
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
    const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:05Z' };
    rig.state.endpointSlice('default/web-1-4', {
      metadata: { labels: { 'kubernetes.io/service-name': 'web-1' }, annotations },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      endpoints: [{ addresses: ['10.244.0.9'] }],
    });
    rig.kernel.failure = new Error('no');
    await expect(rig.sync.run()).rejects.toThrow();
    rig.kernel.failure = undefined;
    expect((await rig.sync.run()).triggerTimes).toEqual([Date.parse('2026-01-01T00:00:05Z')]);
    expect((await rig.sync.run()).triggerTimes).toEqual([]);
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

type Step =
  | { kind: 'serve'; number: number; endpoints: string[] | undefined }
  | { kind: 'run' }
  | { kind: 'fail' }
  | { kind: 'refuse'; number: number }
  | { kind: 'interfere' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('serve' as const),
      number: fc.integer({ min: 1, max: 5 }),
      endpoints: fc.option(
        fc.uniqueArray(
          fc.integer({ min: 1, max: 9 }).map((n) => `10.244.0.${n}`),
          { maxLength: 3 },
        ),
        {
          nil: undefined,
        },
      ),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ kind: 'run' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'fail' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refuse' as const), number: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'interfere' as const }) },
);

describe('whatever happens in between', () => {
  it('the kernel holds what is wanted in the end, but for what it refuses', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const rig = new SyncRig();
        rig.configure();
        const wanted = new Map<string, string[]>();
        let refused: string | undefined;
        rig.kernel.refuse = ({ port }) => (port.name === refused ? 'refused' : undefined);
        const run = async (): Promise<void> => {
          if (await rig.sync.drifted()) rig.sync.suspect();
          rig.sync.retryQuarantined();
          await rig.sync.run();
        };
        for (const one of steps) {
          if (one.kind === 'serve') {
            rig.serve(one.number, one.endpoints);
            if (one.endpoints) wanted.set(`web-${one.number}`, [...one.endpoints].sort());
            else wanted.delete(`web-${one.number}`);
          } else if (one.kind === 'run') await run();
          else if (one.kind === 'fail') {
            rig.kernel.failure = new Error('failed');
            await expect(run()).rejects.toThrow('failed');
            rig.kernel.failure = undefined;
          } else if (one.kind === 'refuse') refused = `web-${one.number}`;
          else {
            rig.kernel.ports.clear();
            rig.kernel.changed = true;
          }
        }
        await run();
        for (const { id } of rig.sync.quarantine.values()) expect(id).toContain(refused);
        refused = undefined;
        await run();
        expect(rig.sync.quarantine.size).toBe(0);
        expect(rig.forwarded()).toEqual(Object.fromEntries([...wanted].sort(([a], [b]) => (a < b ? -1 : 1))));
      }),
      { numRuns: 300 },
    );
  });
});
