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
    check.listed('opaque');
    check.repaired('default/a');
    check.completed();
    expect(check.isStale('default/a', 'other')).toBe(false);
    expect(check.verdict('third')).toBeUndefined();
  });
});

describe('an event that comes while a list is being worked in', () => {
  function checking() {
    const check = new ConsistencyCheck();
    check.listed('10');
    check.repaired('default/repaired');
    return check;
  }

  it('is stale for a key that is repaired already, unless it is newer than the list', () => {
    expect(checking().isStale('default/repaired', '9')).toBe(true);
    expect(checking().isStale('default/repaired', '11')).toBe(false);
  });

  it('keeps the list away from a key that is not repaired yet', () => {
    const check = checking();
    expect(check.isStale('default/later', '9')).toBe(false);
    expect([check.mayRepair('default/later'), check.mayRepair('default/other')]).toEqual([false, true]);
  });

  it('brings no verdict before all of the list is worked in', () => {
    const check = checking();
    expect(check.verdict('12')).toBeUndefined();
    check.completed();
    expect(check.verdict('9')).toBeUndefined();
    expect(check.verdict('12')).toEqual(['default/repaired']);
  });
});
