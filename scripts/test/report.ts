import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { repository } from '../build.ts';

/** Something that went wrong in a file of tests. */
export interface Failure {
  /** Full name of the test, or of the `describe` whose set-up failed; undefined: the file as a whole. */
  readonly name?: string;
  readonly error: string;
}

/** What came of one file of tests. */
export interface FileResult {
  /** Path. */
  readonly name: string;
  readonly seconds: number;
  readonly passed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
}

/** What `reporter.ts` says of one run of vitest. */
export interface Report {
  readonly files: readonly FileResult[];
  /** Errors that belong to no test, as of a promise that nobody waited for. */
  readonly unhandled: readonly string[];
}

/** How many tests came to which end. A file or set-up that failed counts as one test. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function countsOf(reports: readonly Report[]): Count {
  const files = reports.flatMap((report) => report.files);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return {
    passed: sum(files.map(({ passed }) => passed)),
    failed: sum([...files.map(({ failures }) => failures.length), ...reports.map(({ unhandled }) => unhandled.length)]),
    skipped: sum(files.map(({ skipped }) => skipped)),
  };
}

/** A line on each of the files that took longest, the slowest first. */
export function slowestFiles(reports: readonly Report[], howMany: number): string[] {
  return reports
    .flatMap(({ files }) => files)
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, howMany)
    .map(({ name, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${relative(repository, name)}`);
}

/** Whoever reads the end of a long log must find all names in it, so the errors of only so many failures are shown. */
const failuresWithError = 20;
const linesOfError = 12;

/** Every failure with its file, full name and the first lines of its error. */
export function failureLines(reports: readonly Report[]): string[] {
  const inFiles = reports.flatMap(({ files }) =>
    files.flatMap(({ name, failures }) =>
      failures.map((failure) => ({
        title: [relative(repository, name), ...(failure.name === undefined ? [] : [failure.name])].join(' > '),
        error: failure.error,
      })),
    ),
  );
  const outside = reports.flatMap(({ unhandled }) => unhandled.map((error) => ({ title: 'outside of tests', error })));
  return [...inFiles, ...outside].flatMap(({ title, error }, index) => [
    `FAIL  ${title}`,
    ...(index < failuresWithError ? firstLines(error) : []),
  ]);
}

function firstLines(error: string): string[] {
  const lines = stripVTControlCharacters(error.replaceAll(`${repository}/`, '')).split('\n');
  const shown = lines.filter((line) => line.trim() !== '').slice(0, linesOfError);
  return shown.map((line) => `      ${line}`);
}
