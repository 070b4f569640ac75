import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeptVerdicts } from './kept-verdicts.ts';

const atMost = 4;
const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const key = fc.constantFrom(...keys);
const step = fc.oneof(
  fc.record({ kind: fc.constant('keep' as const), key, verdict: fc.nat(9), for: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ kind: fc.constant('wait' as const), time: fc.integer({ min: 1, max: 10 }) }),
);

test('what was kept last is believed for its time and no longer, and only so much is kept at all', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const kept = new KeptVerdicts<number>(atMost);
      let now = 0;
      let model: { key: string; verdict: number; until: number }[] = [];
      for (const next of steps) {
        if (next.kind === 'wait') now += next.time;
        else {
          const until = now + next.for;
          kept.keep(next.key, next.verdict, until);
          const others = model.filter((each) => each.key !== next.key);
          model = [...others, { key: next.key, verdict: next.verdict, until }].slice(-atMost);
        }
        for (const each of keys) {
          const known = model.find((one) => one.key === each && now < one.until);
          expect(kept.get(each, now)).toBe(known?.verdict);
        }
      }
    }),
  );
});
