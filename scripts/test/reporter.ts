import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

import type { Failure, FileResult, Report } from './report.ts';

type Fault = ReturnType<TestModule['errors']>[number];

/**
 * A reporter for vitest that writes a `Report` to the file that `NFTPROXY_TEST_REPORT` names. vitest's own JSON report
 * leaves out what went wrong in a `beforeAll`, and every error that belongs to no test.
 */
export default class FactsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly Fault[]): void {
    const file = process.env['NFTPROXY_TEST_REPORT'];
    if (file === undefined) throw new Error('NFTPROXY_TEST_REPORT must name the file for the report');
    const report: Report = { files: modules.map(resultOf), unhandled: unhandled.map(textOf) };
    writeFileSync(file, JSON.stringify(report));
  }
}

function resultOf(module: TestModule): FileResult {
  const tests = [...module.children.allTests()];
  const number = (state: ReturnType<TestCase['result']>['state']): number =>
    tests.filter((test) => test.result().state === state).length;
  const { collectDuration, duration, setupDuration } = module.diagnostic();
  return {
    name: module.moduleId,
    seconds: (collectDuration + duration + setupDuration) / 1000,
    passed: number('passed'),
    skipped: number('skipped') + number('pending'),
    failures: [...failuresAround(module), ...tests.flatMap(failureOf)],
  };
}

/** What went wrong outside of tests: a file that cannot be loaded, a `beforeAll` that throws. */
function failuresAround(module: TestModule): Failure[] {
  const suites = [...module.children.allSuites()];
  return [
    ...module.errors().map((error) => ({ error: textOf(error) })),
    ...suites.flatMap((suite) => suite.errors().map((error) => ({ name: suite.fullName, error: textOf(error) }))),
  ];
}

function failureOf(test: TestCase): Failure[] {
  const { state, errors = [] } = test.result();
  return state === 'failed' ? [{ name: test.fullName, error: errors.map(textOf).join('\n') }] : [];
}

/** The message, how what came differs from what was expected, and the line of ours that found it. */
function textOf({ name, message, diff, stacks }: Fault): string {
  const place = stacks?.[0] && `at ${stacks[0].file}:${stacks[0].line}`;
  const said = name === undefined || message.startsWith(name) ? message : `${name}: ${message}`;
  return [said, typeof diff === 'string' ? diff : undefined, place].filter(Boolean).join('\n');
}
