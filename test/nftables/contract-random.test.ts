import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeNftables, Programs, rangeSteps, steps, stepText } from '../../src/nftables/testing/index.ts';
import { Transaction } from '../../src/nftables/index.ts';
import { host, openSocket } from './host.ts';

/**
 * How many other random stories to look at. Without it always the same ones: whims that only show in thousands of
 * stories are for whoever works on the fake, not for everybody's test run.
 */
const runs = process.env['RUNS'];

/** Two programs on a fake and two on the kernel do the same, and after each step have the same before them. */
async function sameAsKernel(stories: typeof steps): Promise<void> {
  const { namespace } = await host('random');
  const property = fc.asyncProperty(stories, async (story) => {
    const fake = new FakeNftables();
    const ours = new Programs(() => fake.open());
    const kernels = new Programs(() => openSocket(namespace));
    try {
      for (const each of story) {
        const step = stepText(each);
        expect({ step, outcome: await ours.do(each) }).toEqual({ step, outcome: await kernels.do(each) });
        expect({ step, state: await ours.state() }).toEqual({ step, state: await kernels.state() });
      }
    } finally {
      kernels.close();
      const last = openSocket(namespace);
      for (const { name } of await last.tables()) await last.commit(new Transaction(name).deleteTable());
      last.close();
    }
  });
  await fc.assert(property, runs === undefined ? { numRuns: 100, seed: 1 } : { numRuns: Number(runs) });
}

describe('the fake nf_tables', () => {
  it('does whatever the kernel does, and refuses whatever it refuses, in the same words', () => sameAsKernel(steps));

  it('has the same whims about ranges', () => sameAsKernel(rangeSteps));
});
