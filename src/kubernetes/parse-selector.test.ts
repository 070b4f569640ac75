import { expect, test } from 'vitest';
import { formatSelector, parseSelector } from './parse-selector.ts';

test('label selectors are read as kubectl reads them', () => {
  expect(
    parseSelector('pool=edge, type!=virtual-kubelet,zone in (a, b),example.com/gpu,!legacy,rack notin (r1)'),
  ).toEqual({
    matchExpressions: [
      { key: 'pool', operator: 'In', values: ['edge'] },
      { key: 'type', operator: 'NotIn', values: ['virtual-kubelet'] },
      { key: 'zone', operator: 'In', values: ['a', 'b'] },
      { key: 'example.com/gpu', operator: 'Exists' },
      { key: 'legacy', operator: 'DoesNotExist' },
      { key: 'rack', operator: 'NotIn', values: ['r1'] },
    ],
  });
});

test.each(['', 'pool=edge,', '=edge', 'zone in a', 'a b'])('"%s" is refused', (text) => {
  expect(() => parseSelector(text)).toThrow('is no requirement of a label selector');
});

test('a label selector in a query says all that the object says', () => {
  const matchExpressions = parseSelector('zone in (a,b),rack notin (r1),example.com/gpu,!legacy').matchExpressions!;
  const text = formatSelector({ matchLabels: { pool: 'edge', empty: '' }, matchExpressions });
  expect(text).toBe('pool=edge,empty=,zone in (a,b),rack notin (r1),example.com/gpu,!legacy');
  const [pool, empty] = ['edge', ''].map((value, at) => ({
    key: ['pool', 'empty'][at],
    operator: 'In',
    values: [value],
  }));
  expect(parseSelector(text)).toEqual({ matchExpressions: [pool, empty, ...matchExpressions] });
});
