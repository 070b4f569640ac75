import { expect, it } from 'vitest';
import type { WatchStatistics } from '../sources/index.ts';
import { doubtOf } from './doubt.ts';

const counts = { lists: 1, watches: 1, events: 0, errors: 0, cacheMisses: 0 };

/** All that an agent follows, as it fares well, but for what is given. */
function watches(changes: Record<string, Partial<WatchStatistics>> = {}): WatchStatistics[] {
  return ['services', 'endpointslices', 'nodes', 'servicecidrs', 'proxynodestates'].map((resource) => ({
    ...{ resource, ...counts, lastEventAgeSeconds: 1, failing: false },
    ...changes[resource],
  }));
}

it('an agent vouches for its node’s status while it follows the API server and can report', () => {
  expect(doubtOf({ watches: watches(), reportFails: false })).toBeUndefined();
});

it('an agent whose rights are gone does not, nor one that has not seen everything yet', () => {
  const refused = watches({ services: { failing: true }, proxynodestates: { failing: true } });
  expect(doubtOf({ watches: refused, reportFails: false })).toBe(
    'the API server is not followed: services, proxynodestates',
  );
  const starting = watches({ endpointslices: { lastEventAgeSeconds: undefined } });
  expect(doubtOf({ watches: starting, reportFails: false })).toBe('the API server is not followed: endpointslices');
});

it('an agent that cannot report does not', () => {
  expect(doubtOf({ watches: watches(), reportFails: true })).toBe('the status of the ProxyNodeState cannot be written');
});

it('an API server without ServiceCIDRs silences nobody', () => {
  const old = watches({ servicecidrs: { failing: true, lastEventAgeSeconds: undefined } });
  expect(doubtOf({ watches: old, reportFails: false })).toBeUndefined();
});
