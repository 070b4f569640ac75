import { expect, it } from 'vitest';
import { nodesText, readAnswers } from './preflight-text.ts';

const printed = (...findings: readonly object[]) => ({
  ...{ exitCode: 0, stderr: '', stdout: JSON.stringify({ outcome: 'x', findings }) },
});
const fine = { name: 'kernel', outcome: 'Passed', what: 'has all' };
const lacking = { name: 'kernel', outcome: 'Blocking', what: 'no maps', todo: 'Use another kernel.' };
const proxy = { name: 'kube-proxy', outcome: 'Warning', what: 'runs here', todo: 'Park it.' };

it('preflight of all nodes is a table, the worst first, and what several have in common is said once', () => {
  const answers = new Map([
    ['worker-2', printed(fine, proxy)],
    ['worker-1', printed(fine, proxy)],
    ['old', printed(lacking, proxy)],
    ['bare', printed(fine)],
    ['away', { exitCode: 1, stdout: '', stderr: 'the agent on node away does not run: CrashLoopBackOff\n' }],
  ]);
  expect(nodesText(readAnswers(answers))).toBe(`\
NODE      PREFLIGHT
away      ?  the agent on node away does not run: CrashLoopBackOff
old       Blocking
worker-1  Warning
worker-2  Warning
bare      Passed

Blocking  kernel            no maps
                            Use another kernel.
                            on old

Warning   kube-proxy        runs here
                            Park it.
                            on old, worker-1, worker-2
`);
});
