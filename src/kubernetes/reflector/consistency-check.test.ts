import { describe, expect, it } from 'vitest';
import { compareVersions, ConsistencyCheck } from './consistency-check.ts';

describe('resource versions', () => {
  it('compare as numbers of any length', () => {
    expect(compareVersions('9', '10')).toBeLessThan(0);
    expect(compareVersions('90071992547409931', '90071992547409930')).toBeGreaterThan(0);
    expect(compareVersions('5', '5')).toBe(0);
  });

  it('that are not numbers compare to nothing, so the check neither hides events nor accuses the watch', () => {
    expect(compareVersions('a', 'b')).toBeNaN();
    const check = new ConsistencyCheck();
    check.repaired(['default/a'], 'opaque');
    expect(check.isStale('default/a', 'other')).toBe(false);
    expect(check.verdict('third')).toBeUndefined();
  });
});
