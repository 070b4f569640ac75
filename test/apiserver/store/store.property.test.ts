import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeObject } from '../json.ts';
import type { Change } from './store.ts';
import { Compacted, Store } from './store.ts';

const operations = fc.array(
  fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), kind: fc.constantFrom('put', 'put', 'delete') }),
  { maxLength: 40 },
);

function object(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'n' } };
}

function run(store: Store, name: string, kind: string): void {
  if (kind === 'put') store.put('/configmaps', `n/${name}`, object(name));
  else store.delete('/configmaps', `n/${name}`);
}

function snapshot(store: Store, at?: number): string[] {
  return store.list('/configmaps', at === undefined ? {} : { at }).map((entry) => `${entry.key}@${entry.revision}`);
}

test('a list of the past is what a list showed then, and watches replay to the same', () => {
  fc.assert(
    fc.property(operations, (steps) => {
      const store = new Store();
      const seen = [{ revision: store.revision, state: snapshot(store) }];
      for (const { name, kind } of steps) {
        run(store, name, kind);
        seen.push({ revision: store.revision, state: snapshot(store) });
      }
      for (const { revision, state } of seen) {
        expect(snapshot(store, revision)).toEqual(state);
        const replayed = new Map(state.map((text) => [text.split('@')[0], text]));
        for (const change of store.changesSince('/configmaps', revision)) replay(replayed, change);
        expect([...replayed.values()].sort()).toEqual(snapshot(store).sort());
      }
    }),
  );
});

function replay(state: Map<string | undefined, string>, change: Change): void {
  if (change.current) state.set(change.key, `${change.key}@${change.current.revision}`);
  else state.delete(change.key);
}

test('a limited history forgets the oldest changes and says so', () => {
  const store = new Store({ historyLimit: 5 });
  const start = store.revision;
  for (let step = 0; step < 20; step++) run(store, 'a', 'put');
  expect(() => store.changesSince('/configmaps', start)).toThrow(Compacted);
  expect(store.changesSince('/configmaps', store.revision - 3)).toHaveLength(3);
});

test('a listener that writes in turn does not disturb the order of changes for others', () => {
  const store = new Store();
  const seen: number[] = [];
  store.subscribe('/configmaps', (change) => {
    if (change.key === 'n/a') run(store, 'b', 'put');
  });
  store.subscribe('/configmaps', (change) => seen.push(change.revision));
  run(store, 'a', 'put');
  run(store, 'a', 'put');
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen).toHaveLength(4);
});
