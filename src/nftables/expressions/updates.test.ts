import { describe, expect, it } from 'vitest';
import { formatSeconds } from './updates.ts';

describe('a time', () => {
  it('is printed as nft does', () => {
    expect([0, 30, 60, 90, 10_800, 86_400, 90_061, 0.5].map(formatSeconds)).toEqual([
      '0s',
      '30s',
      '1m',
      '1m30s',
      '3h',
      '1d',
      '1d1h1m1s',
      '500ms',
    ]);
  });
});
