import { expect, test } from 'vitest';
import { selects } from './label-selector.ts';

test.each(['constructor', 'toString', 'valueOf'])('nobody has a label %s who was not given it', (key) => {
  expect(selects({ matchExpressions: [{ key, operator: 'Exists' }] }, { pool: 'edge' })).toBe(false);
  expect(selects({ matchExpressions: [{ key, operator: 'DoesNotExist' }] }, { pool: 'edge' })).toBe(true);
  expect(selects({ matchExpressions: [{ key, operator: 'Exists' }] }, { [key]: 'a' })).toBe(true);
  expect(selects({ matchLabels: { [key]: 'a' } }, { [key]: 'a' })).toBe(true);
});
