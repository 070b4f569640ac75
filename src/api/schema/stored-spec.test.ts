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
    const { errors } = checkStoredSpec({ hoverboard: 1, priority: '5' }) as { errors: { path: string }[] };
    expect([...new Set(errors.map(({ path }) => path))]).toEqual(['spec.priority']);
  });

  test('a key that looks like a path takes no other field with it', () => {
    const odd = checkStoredSpec({ 'loadBalancing.algorithm': 'x', loadBalancing: { algorithm: 'random' } });
    expect(odd).toEqual({ errors: [{ path: 'spec.loadBalancing.algorithm', message: 'unknown field' }] });
  });
});
