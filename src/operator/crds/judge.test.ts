import { describe, expect, test } from 'vitest';
import { installedCrd } from './installed-crd.ts';
import { judge, wasRestored } from './judge.ts';
import type { Case } from './judge.ts';

const found = { uid: 'a', generation: 2, version: 3, leaving: false, established: true };
const settled: Case = { found, applied: found, version: 3, manage: true, replacedOlder: false };

const older: Partial<Case> = { found: { ...found, version: 2, generation: 3 } };

describe('what is to be done about a CRD', () => {
  test.each<[string, Partial<Case>, string]>([
    ['is as it was applied', {}, 'leave'],
    ['is missing', { found: undefined, applied: undefined }, 'apply'],
    ['has not been looked at since this process leads: its content may be any', { applied: undefined }, 'apply'],
    ['was deleted and made anew by somebody', { found: { ...found, uid: 'b' } }, 'apply'],
    ['was changed by somebody', { found: { ...found, generation: 3 } }, 'apply'],
    ['is older', { found: { ...found, version: 2 }, applied: undefined }, 'apply'],
    ['is older again, after it was put back once: some tool keeps it', { ...older, replacedOlder: true }, 'older'],
    ['is of our version again, and not as it was applied', { found: { ...found, generation: 5 }, replacedOlder: true }, 'apply'],
    ['was deleted, also after an older one was put back', { found: undefined, replacedOlder: true }, 'apply'],
    ['is being deleted: it is written when it has gone', { found: { ...found, leaving: true } }, 'leave'],
    ['is newer', { found: { ...found, version: 4, generation: 9 } }, 'newer'],
  ])('that %s', (_what, change, verdict) => {
    expect(judge({ ...settled, ...change })).toBe(verdict);
  });

  test.each<[string, Partial<Case>, string]>([
    ['is of our version', {}, 'leave'],
    ['is missing', { found: undefined }, 'missing'],
    ['is older', { found: { ...found, version: 2 } }, 'older'],
    ['is newer', { found: { ...found, version: 4 } }, 'newer'],
    ['is changed: that is their business', { found: { ...found, generation: 3 } }, 'leave'],
  ])('that is others’ to write and %s', (_what, change, verdict) => {
    expect(judge({ ...settled, applied: undefined, manage: false, ...change })).toBe(verdict);
  });
});

describe('a CRD counts as put back', () => {
  const restored = (before: Partial<Case>, after = found) => wasRestored({ ...settled, ...before }, after);

  test('when it had been deleted or changed after it was applied', () => {
    expect(restored({ found: undefined }, { ...found, uid: 'b', generation: 1 })).toBe(true);
    expect(restored({ found: { ...found, generation: 3 } }, { ...found, generation: 4 })).toBe(true);
  });

  test('but not when it is written for the first time, or the write changed nothing', () => {
    expect(restored({ found: undefined, applied: undefined })).toBe(false);
    // The watch is behind: it has not told of our own write yet.
    expect(restored({ found: { ...found, generation: 1 } })).toBe(false);
    // Somebody changed it and changed it back.
    expect(restored({ found: { ...found, generation: 4 } }, { ...found, generation: 4 })).toBe(false);
  });
});

describe('a CRD as the API server has it', () => {
  const metadata = { name: 'proxyconfigs.nftproxy.io', uid: 'a', generation: 2 };

  test('is read with its version', () => {
    const conditions = [{ type: 'Established', status: 'True' }];
    const annotations = { 'nftproxy.io/crd-version': '12' };
    const full = { metadata: { ...metadata, annotations }, status: { conditions } };
    expect(installedCrd(full)).toEqual({ ...found, version: 12 });
    expect(installedCrd({ metadata: { ...metadata, deletionTimestamp: '2026-11-26T00:00:00Z' } })).toMatchObject({
      ...{ leaving: true, established: false },
    });
  });

  test.each([undefined, '', 'v2', '-1', '1.5', '9'.repeat(20)])('has version 0 if the annotation is %j', (version) => {
    const annotations = { ...(version !== undefined && { 'nftproxy.io/crd-version': version }) };
    expect(installedCrd({ metadata: { ...metadata, annotations } }).version).toBe(0);
  });
});
