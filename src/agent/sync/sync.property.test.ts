import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SyncRig } from './testing/index.ts';

type Step =
  | { kind: 'configure'; masqueradeAll: boolean }
  | { kind: 'refuse masquerading'; refuse: boolean }
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
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('configure' as const), masqueradeAll: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('refuse masquerading' as const), refuse: fc.boolean() }),
  },
);

/** A sync, and what is wanted of it and refused to it by now. */
class Life {
  readonly rig = new SyncRig();
  readonly wanted = new Map<string, string[]>();
  refused: string | undefined;
  masqueradeAll = false;

  constructor() {
    this.rig.configure();
    this.rig.kernel.refuse = ({ port }) => (port.name === this.refused ? 'refused' : undefined);
  }

  async run(): Promise<void> {
    if (await this.rig.sync.drifted()) this.rig.sync.suspect();
    this.rig.sync.retryQuarantined();
    await this.rig.sync.run();
  }

  async perform(step: Step): Promise<void> {
    if (step.kind === 'serve') this.#serve(step);
    else if (step.kind === 'configure')
      this.rig.configure({ masqueradeAll: (this.masqueradeAll = step.masqueradeAll) });
    else if (step.kind === 'refuse') this.refused = `web-${step.number}`;
    else if (step.kind === 'refuse masquerading') this.#refuseMasquerading(step.refuse);
    else await this.#simple[step.kind]();
  }

  #serve({ number, endpoints }: Step & { kind: 'serve' }): void {
    this.rig.serve(number, endpoints);
    if (endpoints) this.wanted.set(`web-${number}`, [...endpoints].sort());
    else this.wanted.delete(`web-${number}`);
  }

  #refuseMasquerading(refuse: boolean): void {
    const { kernel } = this.rig;
    // What it has taken it does not refuse later.
    const refuses = (on: boolean): boolean => refuse && on && kernel.node?.masqueradeAll !== true;
    kernel.refuseNode = ({ masqueradeAll }) => (refuses(masqueradeAll) ? 'refused' : undefined);
  }

  readonly #simple = {
    run: () => this.run(),
    fail: async () => {
      this.rig.kernel.failure = new Error('failed');
      await expect(this.run()).rejects.toThrow('failed');
      this.rig.kernel.failure = undefined;
    },
    interfere: () => {
      this.rig.kernel.ports.clear();
      this.rig.kernel.changed = true;
    },
  };
}

describe('whatever happens in between', () => {
  it('the kernel holds what is wanted in the end, but for what it refuses', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const life = new Life();
        const { rig, wanted } = life;
        // Without settings that were good once there is nothing to fall back on.
        await life.run();
        for (const one of steps) await life.perform(one);
        await life.run();
        for (const { id } of rig.sync.quarantine.values()) expect(id).toContain(life.refused);
        life.refused = undefined;
        rig.kernel.refuseNode = () => undefined;
        rig.sync.retrySettings();
        await life.run();
        expect([rig.kernel.node?.masqueradeAll, rig.sync.refusedSetup]).toEqual([life.masqueradeAll, undefined]);
        expect(rig.sync.quarantine.size).toBe(0);
        expect(rig.forwarded()).toEqual(Object.fromEntries([...wanted].sort(([a], [b]) => (a < b ? -1 : 1))));
      }),
      { numRuns: 300 },
    );
  });
});
