import { describe, expect, test } from 'vitest';
import { checkStoredSpec } from './stored-spec.ts';

describe('a ProxyConfig that came through the CRD of a newer version', () => {
  test('is read without the fields that nobody here knows, which are named', () => {
    const spec = { priority: 3, hoverboard: { on: true }, loadBalancing: { algorithm: 'maglev', spin: 'left' } };
    expect(checkStoredSpec(spec)).toEqual({
      spec: { priority: 3, loadBalancing: { algorithm: 'maglev' } },
      unknown: ['spec.hoverboard', 'spec.loadBalancing.spin'],
    });
    expect(spec).toHaveProperty('hoverboard');
  });

  test('is refused with what else is wrong, be it wrong without these fields only', () => {
    const refused = checkStoredSpec({ hoverboard: 1, priority: '5' });
    const errors = 'errors' in refused ? refused.errors : [];
    expect([...new Set(errors.map(({ path }) => path))]).toEqual(['spec.priority']);
  });

  test('a key that looks like a path takes no other field with it', () => {
    const odd = checkStoredSpec({ 'loadBalancing.algorithm': 'x', loadBalancing: { algorithm: 'random' } });
    expect(odd).toEqual({
      spec: { loadBalancing: { algorithm: 'random' } },
      unknown: ['spec["loadBalancing.algorithm"]'],
    });
  });

  test.each(['hasOwnProperty', 'constructor', '__proto__', 'constructor.prototype.toString', '__proto__.valueOf'])(
    'a field that is called %s is one that nobody here knows, and nothing of JavaScript itself',
    (name) => {
      const before = Object.getOwnPropertyNames(Object.prototype);
      const spec: unknown = JSON.parse(`{"conntrack":{${JSON.stringify(name)}:{},"min":5},${JSON.stringify(name)}:1}`);
      const stored = checkStoredSpec(spec) as { spec: object; unknown: string[] };
      expect(stored.spec).toEqual({ conntrack: { min: 5 } });
      expect(stored.unknown).toHaveLength(2);
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    },
  );

  test('is read however deep the fields are that nobody here knows', () => {
    const deep: unknown = JSON.parse(`{"deep":${'['.repeat(5000)}${']'.repeat(5000)},"priority":3}`);
    expect(checkStoredSpec(deep)).toEqual({ spec: { priority: 3 }, unknown: ['spec.deep'] });
  });
});
