import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineSplitter } from './line-splitter.ts';

const line = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('\n', '·'));
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });

it('lines come out whole, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(line), sizes, fc.boolean(), (lines, cuts, ended) => {
      const bytes = Buffer.from(lines.join('\n') + (ended ? '\n' : ''));
      const splitter = new LineSplitter();
      const found: string[] = [];
      for (let start = 0, i = 0; start < bytes.length; i += 1) {
        const end = start + cuts[i % cuts.length]!;
        found.push(...splitter.push(bytes.subarray(start, end)));
        start = end;
      }
      const rest = splitter.rest();
      if (rest !== '') found.push(rest);
      expect(found).toEqual(lines);
    }),
  );
});
