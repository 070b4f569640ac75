import { describe, expect, it } from 'vitest';
import { readList } from './read-list.ts';

/** What somebody who reads a list in these chunks is told, in order. */
async function read(text: string, chunkSize: number) {
  const told: (readonly unknown[] | 'turn')[] = [];
  const bytes = Buffer.from(text);
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunkSize) {
      yield bytes.subarray(at, at + chunkSize);
      await Promise.resolve();
    }
  }
  const end = await readList(chunks(), {
    parse: (json) => JSON.parse(json) as unknown,
    visit: (items) => told.push(items),
    yield: () => Promise.resolve(void told.push('turn')),
  });
  return { told, end, items: told.flatMap((each) => (each === 'turn' ? [] : each)) };
}

function list(count: number, filler: string) {
  const items = Array.from({ length: count }, (_, number) => ({ metadata: { name: `web-${number}` }, filler }));
  return { items, metadata: { resourceVersion: '7', continue: 'x' } };
}

describe('the answer to a list', () => {
  it('is handed on in one go if it is small', async () => {
    const { told, end } = await read(JSON.stringify(list(500, 'ü')), 1000);
    expect(told).toEqual([list(500, 'ü').items]);
    expect(end).toEqual({ metadata: { resourceVersion: '7', continue: 'x' } });
  });

  it('of very many small items is handed on bit by bit, too', async () => {
    const { told } = await read(JSON.stringify({ items: Array<object>(1200).fill({ a: 1 }) }), 65_536);
    expect(told.map((each) => (each === 'turn' ? each : each.length))).toEqual([500, 'turn', 500, 'turn', 200]);
  });

  it('is handed on bit by bit if it is large, each item once, and others have their turn in between', async () => {
    const { told, end, items } = await read(JSON.stringify(list(3000, 'ü'.repeat(500))), 65_536);
    expect(items).toEqual(list(3000, 'ü'.repeat(500)).items);
    const parts = told.filter((each) => each !== 'turn').map(({ length }) => length);
    expect(Math.max(...parts)).toBeLessThan(500);
    expect(told.filter((_, index) => index % 2 === 1)).toEqual(parts.slice(1).map(() => 'turn'));
    expect(end).toMatchObject({ metadata: { resourceVersion: '7', continue: 'x' } });
  });

  it.each(['{"items":null,"metadata":{}}', '{"metadata":{}}'])('may have no items: %s', async (text) => {
    expect(await read(text, 5)).toMatchObject({ told: [], end: { metadata: {} } });
  });

  it('leaves out what is no object', async () => {
    const told = JSON.stringify({ items: [null, 7, { a: 1 }, 'x'], filler: '' });
    expect((await read(told, 5)).items).toEqual([{ a: 1 }]);
    expect((await read(told.replace('""', `"${'x'.repeat(1_100_000)}"`), 65_536)).items).toEqual([{ a: 1 }]);
  });

  it.each(['null', '[]', '7'])('that is none says nothing: %s', async (text) => {
    expect((await read(text, 5)).items).toEqual([]);
  });

  it.each(['', '{"items":[{"a":1},', JSON.stringify(list(3000, 'x'.repeat(500))).slice(0, -9)])(
    'that is cut off is refused',
    async (text) => {
      await expect(read(text, 65_536)).rejects.toThrow(SyntaxError);
    },
  );
});
