import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Outcome {
  readonly executions: number;
  readonly corpus: number;
  readonly faults: readonly { readonly error: string; readonly input: string; readonly executions: number }[];
}

interface Wanted {
  readonly target: string;
  readonly seed: number;
  readonly executions: number;
  readonly guided: boolean;
}

/** What came of campaigns over the planted faults. */
function campaigns(wanted: readonly Wanted[]): readonly Outcome[] {
  const main = join(import.meta.dirname, 'engine-main.ts');
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, JSON.stringify(wanted)], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return JSON.parse(stdout) as readonly Outcome[];
}

const executions = 50_000;
const four = { target: 'four', executions, seed: 1, guided: true };

describe('the fuzzing engine', () => {
  it('finds what is behind four comparisons, where as many random changes find nothing', () => {
    const seeds = [1, 2, 3];
    const guided = campaigns(seeds.map((seed) => ({ ...four, seed })));
    expect(guided.map(({ faults }) => faults.map(({ error }) => error))).toEqual(
      seeds.map(() => ['RangeError: the planted fault']),
    );
    const random = campaigns(seeds.map((seed) => ({ ...four, seed, guided: false })));
    expect(random.map(({ faults }) => faults)).toEqual([[], [], []]);
  });

  it('does the same for the same seed, and something else for another', () => {
    const [first, again, other] = campaigns([four, four, { ...four, seed: 2 }]);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('makes what fails small: only the bytes that matter are not zero', () => {
    const [outcome] = campaigns([four]);
    expect(outcome?.faults[0]?.input).toContain(`hex 0000007f1e8d6f70656e2900 `);
  });

  it('finds a loop without an end, and goes on', () => {
    const [outcome] = campaigns([{ ...four, target: 'endless', executions: 500 }]);
    expect(outcome?.faults).toEqual([
      expect.objectContaining({
        error: expect.stringContaining('TooManySteps') as string,
        input: 'hex 00 text "\\u0000"',
      }),
    ]);
    expect(outcome?.executions).toBe(500);
  });

  it('finds what two fields of a JSON value make together', () => {
    const [outcome] = campaigns([{ ...four, target: 'fields', executions: 20_000 }]);
    expect(outcome?.faults.map(({ error, input }) => [error, input])).toEqual([
      ['TypeError: the planted fault', expect.stringMatching(/"kind":"Surprise".*\[.*,.*,.*,.*\]/)],
    ]);
  });
});
