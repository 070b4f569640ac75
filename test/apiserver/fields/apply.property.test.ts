import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json, JsonObject, KubeObject } from '../json.ts';
import { objectAt } from '../json.ts';
import { applyObject } from './apply.ts';
import { customShape } from './shape.ts';

const text = { type: 'string' };
const shape = customShape({
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        mode: text,
        labels: { type: 'object', additionalProperties: text },
        tags: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
        list: { type: 'array', items: text },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port'],
          items: { type: 'object', properties: { port: { type: 'integer' }, name: text } },
        },
      },
    },
  },
});

const word = fc.constantFrom('a', 'b', 'c');
const spec = fc.record(
  {
    mode: word,
    labels: fc.dictionary(word, word, { minKeys: 1 }),
    tags: fc.uniqueArray(word, { minLength: 1 }),
    list: fc.array(word, { minLength: 1, maxLength: 3 }),
    ports: fc.uniqueArray(fc.record({ port: fc.integer({ min: 1, max: 4 }), name: word }), {
      selector: (port) => port.port,
      minLength: 1,
    }),
  },
  { requiredKeys: [] },
);

const blank: KubeObject = { apiVersion: 'x/v1', kind: 'X', metadata: { name: 'x', uid: 'u' } };

function applyAs(name: string, live: KubeObject, wanted: JsonObject): KubeObject {
  const applied: KubeObject = { ...blank, metadata: { name: 'x' }, spec: wanted };
  const writer = { name, operation: 'Apply' as const, apiVersion: 'x/v1', subresource: '' };
  return applyObject({ live, applied, shape, writer, force: true, ignored: [] });
}

/** Sets and keyed lists compare without their order, which depends on who came first. */
function unordered(value: JsonObject): Json {
  const sort = (list: Json): Json =>
    Array.isArray(list) ? list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : list;
  return { ...value, tags: sort(value['tags']), ports: sort(value['ports']) };
}

test('with one manager, the object is what was applied last', () => {
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 6 }), (specs) => {
      const final = specs.reduce<KubeObject>((live, wanted) => applyAs('one', live, wanted), blank);
      expect(unordered(objectAt(final, 'spec'))).toEqual(unordered(specs.at(-1) ?? {}));
    }),
  );
});

test('when a second manager takes everything back, the first has what it wanted', () => {
  fc.assert(
    fc.property(spec, spec, (mine, others) => {
      const shared = applyAs('two', applyAs('one', blank, mine), others);
      const again = applyAs('one', applyAs('two', shared, {}), mine);
      expect(unordered(objectAt(again, 'spec'))).toEqual(unordered(mine));
    }),
  );
});

test('applying the same again changes nothing but times', () => {
  fc.assert(
    fc.property(spec, spec, (first, second) => {
      const once = applyAs('two', applyAs('one', blank, first), second);
      const twice = applyAs('two', once, second);
      expect(objectAt(twice, 'spec')).toEqual(objectAt(once, 'spec'));
      const owners = (object: KubeObject): Json =>
        (object.metadata.managedFields ?? []).map((one) => [one.manager, one.fieldsV1 ?? null]);
      expect(owners(twice)).toEqual(owners(once));
    }),
  );
});
