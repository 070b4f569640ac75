import { beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../runtime/index.ts';
import type { Problem } from '../../services/index.ts';
import { ProblemReporter } from './problem-reporter.ts';

const problem = (name: string): Problem => ({
  object: { kind: 'Service', namespace: 'default', name },
  reason: 'UnknownAlgorithm',
  message: `${name}: fastest is none`,
});

let present: Problem[];
let told: string[];
let log: string;
let reporter: ProblemReporter;

beforeEach(() => {
  [present, told, log] = [[], [], ''];
  reporter = new ProblemReporter({
    events: { sharedEvent: ({ name }) => void told.push(name) },
    present: () => present,
    log: createLogger({ format: 'text', level: 'info', write: (line) => void (log += line) }),
  });
});

function comes(name: string): void {
  present.push(problem(name));
  reporter.report(problem(name));
}

test('every agent logs what cannot be honoured; only the one that is chosen writes Events', () => {
  comes('web');
  expect(log).toContain('web: fastest is none');
  expect(told).toEqual([]);
  reporter.speak(true);
  comes('api');
  expect(told).toEqual(['web', 'api']);
});

test('one that is chosen tells what there is then, once, and one that no longer is tells nothing', () => {
  comes('gone');
  present = [];
  comes('web');
  reporter.speak(true);
  reporter.speak(true);
  expect(told).toEqual(['web']);
  reporter.speak(false);
  comes('api');
  expect(told).toEqual(['web']);
});
