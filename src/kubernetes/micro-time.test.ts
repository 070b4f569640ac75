import { expect, it } from 'vitest';
import { microTime } from './micro-time.ts';

it('MicroTime has six decimals', () => {
  expect(microTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe('2026-01-02T03:04:05.006000Z');
});
