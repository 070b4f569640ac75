import { relative } from 'node:path';
import { repository } from '../build.ts';

/** What vitest's JSON report says of one file. */
interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly assertionResults: readonly { readonly status: string }[];
}

/** vitest's JSON report, as far as it is read here. */
export interface Report {
  readonly testResults: readonly FileResult[];
}

/** How many tests came to which end. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function countsOf(reports: readonly Report[]): Count {
  const files = reports.flatMap(({ testResults }) => testResults);
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const number = (...statuses: string[]): number => tests.filter(({ status }) => statuses.includes(status)).length;
  // A file that cannot even be loaded, or whose set-up fails, has no failed tests to count.
  const broken = files.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  const passed = number('passed');
  const failed = number('failed') + broken.length;
  return { passed, failed, skipped: tests.length - passed - number('failed') };
}

/** A line on each of the files that took longest, the slowest first. */
export function slowestFiles(reports: readonly Report[], howMany: number): string[] {
  const files = reports.flatMap(({ testResults }) => testResults);
  const seconds = ({ startTime, endTime }: FileResult): number => (endTime - startTime) / 1000;
  return files
    .toSorted((a, b) => seconds(b) - seconds(a))
    .slice(0, howMany)
    .map((file) => `${seconds(file).toFixed(1).padStart(7)} s  ${relative(repository, file.name)}`);
}
