import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countsOf, failureLines } from '../../scripts/test/report.ts';
import type { Report } from '../../scripts/test/report.ts';

const repository = join(import.meta.dirname, '../..');

const files = {
  'sums.test.ts': `import { describe, expect, test } from 'vitest';
    describe('a sum', () => {
      test('is right', () => expect(1 + 1).toBe(2));
      test('is as large as hoped for', () => expect({ sum: 1 + 1 }).toEqual({ sum: 3 }));
      test.skip('is left for later', () => {});
    });`,
  'cannot-load.test.ts': `import './nowhere.ts';`,
  'set-up.test.ts': `import { beforeAll, describe, test } from 'vitest';
    describe('a cluster', () => {
      beforeAll(() => { throw new Error('no root'); });
      test('runs', () => {});
    });`,
  'forgotten.test.ts': `import { test } from 'vitest';
    test('goes on', async () => {
      void Promise.reject(new Error('nobody waits for me'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    });`,
};

describe('the end of npm test, when something failed', () => {
  let folder: string;
  let report: Report;
  let text: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nftproxy-failures-'));
    symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
    const reporter = join(repository, 'scripts/test/reporter.ts');
    const file = join(folder, 'report.json');
    spawnSync(process.execPath, [vitest, 'run', '--root', folder, `--reporter=${reporter}`, '--maxWorkers=1'], {
      env: { ...process.env, NFTPROXY_TEST_REPORT: file },
    });
    report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    text = failureLines([report]).join('\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('names a test by its file and full name, and says how what came differs from what was expected', () => {
    expect(text).toMatch(/^FAIL {2}\S+sums\.test\.ts > a sum > is as large as hoped for$/m);
    expect(text).toMatch(/^ +- +"sum": 3,$/m);
    expect(text).toMatch(/^ +\+ +"sum": 2,$/m);
    expect(text).toMatch(/^ +at \S+sums\.test\.ts:4$/m);
  });

  it('names a file that could not be loaded', () => {
    expect(text).toMatch(/^FAIL {2}\S+cannot-load\.test\.ts\n.*nowhere\.ts/m);
  });

  it('names the describe whose set-up failed', () => {
    expect(text).toMatch(/^FAIL {2}\S+set-up\.test\.ts > a cluster\n +Error: no root$/m);
  });

  it('shows an error that belongs to no test', () => {
    expect(text).toMatch(/^FAIL {2}outside of tests\n +Error: nobody waits for me$/m);
  });

  it('names no test that passed or was left out', () => {
    expect(text).not.toMatch(/is right|left for later|goes on/);
    expect(countsOf([report])).toEqual({ passed: 2, failed: 4, skipped: 2 });
  });

  it('keeps the names of very many failures in sight: only the first come with their errors', () => {
    const failures = Array.from({ length: 100 }, (_, index) => ({ name: `case ${index}`, error: 'a\nb\nc' }));
    const lines = failureLines([{ files: [{ ...report.files[0]!, failures }], unhandled: [] }]);
    expect(lines.filter((line) => line.startsWith('FAIL'))).toHaveLength(100);
    expect(lines).toHaveLength(100 + 20 * 3);
  });
});
