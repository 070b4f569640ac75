/*
 * `npm test`: all tests. Unit tests first, then those that use the kernel in network namespaces and those that run whole
 * clusters. Further arguments go to vitest (`npm test -- -t 'name of a test'`).
 * Exit codes: 0 all ran and passed; 1 something failed; 3 what could run passed, but not everything could run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildIfNeeded, makeImage, repository } from './build.ts';
import { chromium, isRoot, PrerequisiteError, programs, requirePrograms } from './prerequisites.ts';
import { bold, dim, green, red, say, yellow } from './terminal.ts';
import { faultsOf, grantedRights, loggedRequests } from './test/rights.ts';
import { parts } from './test/parts.ts';
import type { Part } from './test/parts.ts';
import { countsOf, failureLines, slowestFiles } from './test/report.ts';
import type { Report } from './test/report.ts';

/** Where API servers of the tests write down what operators and agents ask for. */
const requestLog = join(repository, '.nftproxy/requests');

/** What came of one part. */
interface Outcome {
  readonly part: Part;
  readonly report: Report;
  readonly seconds: number;
}

function runPart(part: Part, extra: readonly string[]): Outcome {
  say(bold(`\n== ${part.name} (${part.folders.join(', ')})`));
  const folder = mkdtempSync(join(tmpdir(), 'nftproxy-test-'));
  try {
    const file = join(folder, 'report.json');
    const reporters = ['--reporter=default', `--reporter=${join(import.meta.dirname, 'test/reporter.ts')}`];
    const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
    const args = [vitest, 'run', ...reporters, '--passWithNoTests', ...part.arguments, ...extra, ...part.folders];
    const started = performance.now();
    const { status } = spawnSync(process.execPath, args, {
      cwd: repository,
      stdio: 'inherit',
      env: { ...process.env, ...part.environment, NFTPROXY_TEST_REPORT: file, NFTPROXY_REQUEST_LOG: requestLog },
    });
    const seconds = (performance.now() - started) / 1000;
    return { part, report: reportFrom(file, status), seconds };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What vitest has reported; that it failed without saying what is a failure, too. */
function reportFrom(file: string, status: number | null): Report {
  const nothing: Report = { files: [], unhandled: [] };
  const report = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : nothing;
  if (status === 0 || countsOf([report]).failed > 0) return report;
  return { ...report, unhandled: [`vitest ended with exit code ${status ?? 'none'} and named no failed test`] };
}

/** Whether operator and agents have the rights that they made use of, and no others, as a file of tests. */
function rightsReport(): Report {
  const rights = grantedRights();
  const faults = faultsOf(rights, loggedRequests(requestLog));
  say(
    `\n== rights: ${rights.length} in config/rbac, ${faults.length} that do not fit what the end-to-end tests asked for`,
  );
  const failures = faults.map((error) => ({ error }));
  const passed = faults.length === 0 ? 1 : 0;
  return {
    files: [{ name: join(repository, 'config/rbac'), seconds: 0, passed, skipped: 0, failures }],
    unhandled: [],
  };
}

/** Where the time went. */
function showTimes(outcomes: readonly Outcome[]): void {
  say();
  for (const { part, report, seconds } of outcomes) {
    say(`${seconds.toFixed(0).padStart(5)} s    ${part.name}`);
    for (const line of slowestFiles([report], 5)) say(dim(line));
  }
}

/** The verdict; its last line has the numbers. */
function conclude(reports: readonly Report[], left: readonly Part[]): number {
  const { passed, failed, skipped } = countsOf(reports);
  say();
  // At the very end: of a long log often only the tail is kept.
  for (const line of failureLines(reports)) say(line.startsWith('FAIL') ? red(line) : line);
  if (failed > 0) say(red('FAILED'));
  else if (left.length > 0) {
    say(yellow('NOT COMPLETE: what could run passed, but these did not run, because they need root'));
    say('(they make network namespaces and write to nftables): run "sudo npm test" for all.');
    for (const part of left) say(`  - ${part.name}: ${part.folders.join(', ')}`);
  } else say(green('all passed'));
  say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  if (failed > 0) return 1;
  return left.length > 0 ? 3 : 0;
}

async function main(extra: readonly string[]): Promise<number> {
  if (isRoot()) requirePrograms([...Object.values(programs), chromium], say);
  buildIfNeeded(say);
  if (isRoot()) await makeImage(say);
  rmSync(requestLog, { recursive: true, force: true });
  const possible = parts.filter((part) => isRoot() || !part.needsRoot);
  const outcomes = possible.map((part) => runPart(part, extra));
  showTimes(outcomes);
  const reports = outcomes.map(({ report }) => report);
  // With a real kube-apiserver nobody writes down what is asked for, and some of the tests ask for less.
  const isWhole = isRoot() && extra.length === 0 && !process.env['KUBEBUILDER_ASSETS'];
  return conclude(
    isWhole && countsOf(reports).failed === 0 ? [...reports, rightsReport()] : reports,
    parts.filter((part) => !possible.includes(part)),
  );
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(red(error instanceof PrerequisiteError ? `cannot run the tests: ${error.message}` : String(error)));
  console.error('0 passed, 1 failed');
  process.exitCode = 1;
}
