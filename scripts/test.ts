/*
 * `npm test`: all tests. Unit tests first, then those that use the kernel in network namespaces, then whole clusters,
 * one at a time. Further arguments go to vitest (`npm test -- -t 'name of a test'`).
 * Exit codes: 0 all ran and passed; 1 something failed; 3 what could run passed, but not everything could run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildIfNeeded, makeImage, repository } from './build.ts';
import { isRoot, PrerequisiteError, programs, requirePrograms } from './prerequisites.ts';
import { bold, green, red, say, yellow } from './terminal.ts';

interface Part {
  name: string;
  folders: string[];
  needsRoot: boolean;
  arguments: string[];
}

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const parts: Part[] = [
  {
    name: 'unit tests',
    folders: ['src', 'test/oracle', 'test/docs', 'test/apiserver'],
    needsRoot: false,
    arguments: [],
  },
  {
    name: 'kernel tests',
    folders: ['test/kernel', 'test/cluster'],
    needsRoot: true,
    arguments: ['--exclude', 'test/apiserver/**', '--no-file-parallelism'],
  },
  { name: 'end-to-end tests', folders: ['test/e2e'], needsRoot: true, arguments: ['--no-file-parallelism'] },
];

/** Runs one part; its tests' results are counted from vitest's own report. */
function runPart(part: Part, extra: readonly string[]): { count: Count; ok: boolean } {
  const folder = mkdtempSync(join(tmpdir(), 'nftproxy-test-'));
  try {
    const report = join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
    const args = [vitest, 'run', ...reporters, '--passWithNoTests', ...part.arguments, ...extra, ...part.folders];
    const { status } = spawnSync(process.execPath, args, { cwd: repository, stdio: 'inherit' });
    return { count: existsSync(report) ? countsOf(report) : { passed: 0, failed: 0, skipped: 0 }, ok: status === 0 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function countsOf(report: string): Count {
  const result = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
  const number = (name: string) => result[name] ?? 0;
  return {
    passed: number('numPassedTests'),
    failed: number('numFailedTests') + filesThatFailedToLoad(report),
    skipped: number('numPendingTests') + number('numTodoTests'),
  };
}

/** A file that cannot even be loaded, or whose set-up fails, has no failed tests to count. */
function filesThatFailedToLoad(report: string): number {
  interface File {
    status: string;
    assertionResults: { status: string }[];
  }
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as { testResults: File[] };
  const failed = testResults.filter((file) => file.status === 'failed');
  return failed.filter((file) => !file.assertionResults.some((test) => test.status === 'failed')).length;
}

async function main(): Promise<number> {
  const extra = process.argv.slice(2);
  const total: Count = { passed: 0, failed: 0, skipped: 0 };
  let ok = true;
  if (isRoot()) requirePrograms(Object.values(programs), say);
  buildIfNeeded(say);
  if (isRoot()) await makeImage(say);
  const possible = parts.filter((part) => isRoot() || !part.needsRoot);
  for (const part of possible) {
    say(bold(`\n== ${part.name} (${part.folders.join(', ')})`));
    const result = runPart(part, extra);
    ok &&= result.ok;
    total.passed += result.count.passed;
    total.failed += result.count.failed;
    total.skipped += result.count.skipped;
  }
  return conclude(
    total,
    ok,
    parts.filter((part) => !possible.includes(part)),
  );
}

/** The verdict; its last line has the numbers. */
function conclude(total: Count, ok: boolean, left: readonly Part[]): number {
  say();
  if (!ok || total.failed > 0) say(red('FAILED'));
  else if (left.length > 0) {
    say(yellow('NOT COMPLETE: what could run passed, but these did not run, because they need root'));
    say('(they make network namespaces and write to nftables): run "sudo npm test" for all.');
    for (const part of left) say(`  - ${part.name}: ${part.folders.join(', ')}`);
  } else say(green('all passed'));
  // vitest may fail without a failed test: an unhandled rejection, for one.
  const failed = ok ? total.failed : Math.max(1, total.failed);
  say(`${total.passed} passed, ${failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
  if (failed > 0) return 1;
  return left.length > 0 ? 3 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(red(error instanceof PrerequisiteError ? `cannot run the tests: ${error.message}` : String(error)));
  console.error('0 passed, 1 failed');
  process.exitCode = 1;
}
