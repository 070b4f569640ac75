import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ListSplitter } from './list-splitter.ts';

/** The items and the rest of a list that arrives in chunks of these sizes, over and over. */
function split(text: string, sizes: readonly number[] = [text.length + 1]) {
  const bytes = Buffer.from(text);
  const splitter = new ListSplitter();
  const items: string[] = [];
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1;
    items.push(...splitter.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return { items, frame: splitter.frame() };
}

describe('a list that arrives in pieces', () => {
  it('is its items, and what it says beside them', () => {
    expect(split('{"kind":"List","items":[{"a":1},{"a":[{}]}],"metadata":{"continue":"x"}}')).toEqual({
      items: ['{"a":1}', '{"a":[{}]}'],
      frame: '{"kind":"List","items":[],"metadata":{"continue":"x"}}',
    });
  });

  it.each(['{"items":null}', '{"items":[]}', '{"metadata":{"items":[{"a":1}]}}', 'nonsense', ''])(
    'is all frame where it has no items: %s',
    (text) => {
      expect(split(text)).toEqual({ items: [], frame: text });
    },
  );

  it('does not take for structure what is in a string', () => {
    const item = '{"items":"]}\\"{[","ü":"\\\\"}';
    expect(split(`{"items" : [ ${item} ,${item}]}`, [1]).items).toEqual([item, item]);
  });

  it('is the same however it is cut, whatever is in it', () => {
    const json = fc.json({ maxDepth: 3 }).map((text): unknown => JSON.parse(text));
    const item = fc.record({ metadata: fc.record({ name: fc.string() }), spec: json });
    const list = fc.record({ kind: fc.string(), metadata: json, items: fc.array(item), after: json });
    fc.assert(
      fc.property(
        list,
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (value, wide, sizes) => {
          const { items, frame } = split(JSON.stringify(value, undefined, wide ? 1 : 0), sizes);
          expect(items.map((text): unknown => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify(value.items)));
          expect(JSON.parse(frame)).toEqual(JSON.parse(JSON.stringify({ ...value, items: [] })));
        },
      ),
    );
  });
});
