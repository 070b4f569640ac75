import { expect, it } from 'vitest';
import type { WatchStatistics } from '../sources/index.ts';
import { Readiness } from './readiness.ts';

const counts = { lists: 1, watches: 1, events: 0, errors: 0, cacheMisses: 0, failing: false };
/** Watches by resource, with the seconds since they last heard anything. */
function watching(ages: Record<string, number | undefined>): WatchStatistics[] {
  return Object.entries(ages).map(([resource, lastEventAgeSeconds]) => ({ resource, ...counts, lastEventAgeSeconds }));
}
const fresh = { services: 10, endpointslices: 20, nodes: 60 };

function faults(o: { applied?: string | undefined; refused?: string; ages?: object; keepsUp?: boolean }): string[] {
  const applied = 'applied' in o ? o.applied : '0123456789';
  return new Readiness({
    appliedRevision: () => applied,
    settingsFault: () => o.refused,
    keepsUp: () => o.keepsUp ?? true,
    watches: () => watching({ ...fresh, ...o.ages }),
  }).faults();
}

it('an agent is ready once the kernel has its configuration, and not before', () => {
  expect(faults({ applied: undefined })).toEqual(['nothing has been written to the kernel yet']);
  expect(faults({})).toEqual([]);
});

it('an agent that the API server lets see nothing is never ready: its rights are gone', () => {
  const ages = { services: undefined, endpointslices: undefined, nodes: undefined };
  expect(faults({ applied: undefined, ages })).toEqual(['nothing has been written to the kernel yet']);
});

it('an agent whose settings are refused is not ready, and says why', () => {
  expect(faults({ refused: 'the kernel refuses: EINVAL' })).toEqual(['the kernel refuses: EINVAL']);
});

it('an agent whose updates wait is not ready', () => {
  expect(faults({ keepsUp: false })).toEqual(['updates do not get to the kernel']);
});

it('an agent whose watches have heard nothing for five minutes is not ready; less is an ordinary outage', () => {
  expect(faults({ ages: { services: 299 } })).toEqual([]);
  expect(faults({ ages: { services: 300, nodes: 1000 } })).toEqual([
    'nothing was heard of services for 300 s',
    'nothing was heard of nodes for 1000 s',
  ]);
});

it('an API server without ServiceCIDRs makes no agent unready', () => {
  expect(faults({ ages: { servicecidrs: 9999 } })).toEqual([]);
});
