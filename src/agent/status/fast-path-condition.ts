import type { FastPathState } from '../../dataplane/index.ts';
import type { Verdict } from './verdict.ts';

/** What became of the fast path that the node's settings ask for; `lacking`: the mode that runs has none. */
export type FastPathReport = FastPathState | { readonly lacking: string };

/** Whether established connections of Services take the fast path, and what that means or what is missing. */
export function fastPathCondition(report: FastPathReport): Verdict<'FastPath'> {
  const without = 'all packets pass all chains, as without it';
  if ('lacking' in report) return ['False', 'ModeLacksIt', `mode ${report.lacking} has no fast path; ${without}`];
  if ('missing' in report) return ['False', 'KernelLacksIt', `${report.missing}; ${without}`];
  return [
    'True',
    'InForce',
    'established TCP connections of Services pass no chains: network policies that change do not reach them',
  ];
}
