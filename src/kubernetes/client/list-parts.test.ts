import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ListParts } from './list-parts.ts';

/** What is read of a list that arrives in chunks of these sizes, over and over, and how much of it before the end. */
function read(text: string, sizes: readonly number[] = [7], atOnce = 20) {
  const bytes = Buffer.from(text);
  const parts = new ListParts(atOnce);
  const early: unknown[] = [];
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1;
    early.push(...parts.push(bytes.subarray(at, at + size)));
    at += size;
  }
  const { items, rest } = parts.end((json) => JSON.parse(json) as unknown);
  return { early: early.length, items: [...early, ...items], rest };
}

/** How many items come with each chunk of a hundred bytes. */
function sizesOf(parts: ListParts, text: string): number[] {
  return text.match(/.{1,100}/gs)?.map((chunk) => parts.push(Buffer.from(chunk)).length) ?? [];
}

afterEach(() => {
  vi.restoreAllMocks();
});

const service = (name: string, more: object = {}) => ({ metadata: { name }, ...more });

describe('a list that arrives in pieces', () => {
  it('is its items, those that are whole before the end, and what it says beside them', () => {
    const items = ['a', 'b', 'c', 'ü'].map((name) => service(name));
    const text = JSON.stringify({ kind: 'List', metadata: { continue: 'x' }, items, after: 1 });
    const { early, ...all } = read(text);
    expect(all).toEqual({ items, rest: { kind: 'List', metadata: { continue: 'x' }, after: 1 } });
    expect(early).toBeGreaterThan(1);
  });

  it.each(['{"items":null}', '{"items":[]}', '{"metadata":{"items":[{"a":1},{"a":2},{"a":3}]}}', '{}'])(
    'may have no items: %s',
    (text) => {
      const { early, items, rest } = read(text);
      expect([early, items]).toEqual([0, []]);
      expect({ items: [], ...rest }).toEqual({ ...JSON.parse(text), items: [] });
    },
  );

  it('is not cut within an item, whatever is in it', () => {
    const inner = service('inner', { list: [service('x'), service('y')] });
    const items = [
      service('},{"metadata":'),
      inner,
      service('last', { text: '"items":[{"metadata":{}},{"metadata":' }),
      inner,
    ];
    expect(read(JSON.stringify({ items })).items).toEqual(items);
  });

  it('of custom resources is cut, too, though entries in them begin with an apiVersion as they do', () => {
    const apiVersion = 'nftproxy.io/v1alpha1';
    const managedFields = ['a', 'b', 'c'].map((manager) => ({ apiVersion, fieldsType: 'FieldsV1', manager }));
    const ownerReferences = ['x', 'y'].map((name) => ({ apiVersion: 'v1', kind: 'Node', name }));
    const item = { apiVersion, kind: 'ProxyNodeState', metadata: { managedFields, ownerReferences } };
    const list = { apiVersion, items: Array(200).fill(item), kind: 'L' };
    expect(read(JSON.stringify(list), [100], 300)).toEqual({
      early: 199,
      items: list.items,
      rest: { apiVersion, kind: 'L' },
    });
    expect(Math.max(...sizesOf(new ListParts(300), JSON.stringify(list)))).toBeLessThan(4);
  });

  it('is looked through at most twice where nothing can be cut, and in small parts again after that', () => {
    const parse = vi.spyOn(JSON, 'parse');
    const giant = service('giant', { list: Array(2000).fill(service('inner')) });
    const text = JSON.stringify({ items: [giant, ...Array<object>(20_000).fill(service('small'))] });
    const sizes = sizesOf(new ListParts(300), text);
    const looked = parse.mock.calls.reduce((sum, [json]) => sum + json.length, 0);
    expect(looked / text.length).toBeLessThan(3.5);
    expect(Math.max(...sizes.slice(-3000))).toBeLessThan(20);
  });

  it('may have items that begin with other keys, and be written otherwise', () => {
    const items = [{ kind: 'A', metadata: {} }, { metadata: {} }, 7, null, [], { kind: 'A' }];
    for (const space of [0, 1]) expect(read(JSON.stringify({ items }, undefined, space)).items).toEqual(items);
  });

  it('is the same however it is cut, whatever is in it', () => {
    const json = fc.json({ maxDepth: 3 }).map((text): unknown => JSON.parse(text));
    const item = fc.record({ metadata: fc.record({ name: fc.string() }), spec: json });
    const list = fc.record({ kind: fc.string(), metadata: json, items: fc.array(item), after: json });
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    fc.assert(
      fc.property(list, sizes, fc.integer({ min: 1, max: 200 }), (value, chunks, atOnce) => {
        const { items, ...rest } = JSON.parse(JSON.stringify(value)) as typeof value;
        const found = read(JSON.stringify(value), chunks, atOnce);
        expect([found.items, found.rest]).toEqual([items, rest]);
      }),
    );
  });

  it.each([
    ['{"metadata":{"name":"BAD"},oops}', ',{"metadata":{"name":"b"}}]}'],
    ['{"metadata":{"name":"last"}}]}JUNK', ''],
    ['{"metadata":{"name":"cut o', ''],
  ])('is refused with the item that is at fault: %s', (bad, after) => {
    const text = `{"items":[${'{"metadata":{"name":"a"}},'.repeat(20)}${bad}${after}`;
    const told: string[] = [];
    const parts = new ListParts(100);
    sizesOf(parts, text);
    const parse = (json: string): unknown => (told.push(json), JSON.parse(json));
    expect(() => parts.end(parse)).toThrow(SyntaxError);
    expect(told).toEqual([bad]);
  });

  it('is refused if it ends after an item', () => {
    const text = `{"items":[${'{"metadata":{"name":"a"}},'.repeat(20)}{"metadata":{}}`;
    for (let size = 1; size < 60; size++) expect(() => read(text, [size])).toThrow(SyntaxError);
  });

  it.each(['', 'nonsense', '{"items":[{"a":1},{"a":1},{"a":2},{"a":3}', '{"items":[{"a":1},{"a":1},{"a":2}],,"b":{}}'])(
    'is refused if it is no JSON: %s',
    (text) => {
      expect(() => read(text)).toThrow(SyntaxError);
    },
  );
});
