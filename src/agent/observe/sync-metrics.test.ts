import { expect, it } from 'vitest';
import { nothingWritten } from '../../dataplane/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import type { EndpointTrigger, SyncResult } from '../sync/index.ts';
import { ProxyHealth } from './health.ts';
import { AgentMetrics } from './metrics.ts';
import { SyncMetrics } from './sync-metrics.ts';

const families = [4, 6] as const;

/** The samples of the programming latency after a sync that brought these changes of endpoints. */
async function programmingLatency(...triggers: EndpointTrigger[]): Promise<string[]> {
  const clock = new ManualClock(100_000);
  const metrics = new AgentMetrics({
    version: '1.2.3',
    families,
    sources: {
      ...{
        connectionCounts: () => Promise.resolve([]),
        requestCounts: () => Promise.resolve([]),
        noLocalEndpoints: () => [],
        localhostListeners: () => 0,
      },
      ...{ mode: () => 'nftables', mapElements: () => [], watches: () => [] },
      ...{ quarantinedServicePorts: () => 0, fastPathInterfaces: () => 0, settingsRefused: () => false },
      ...{ servedBy: () => ({}), fallenBack: () => [] },
      ...{ uncovered: () => false, lastGoodKept: () => true, connections: () => undefined },
    },
    onCollectFailure: (_, error) => expect.fail(String(error)),
  });
  const health = new ProxyHealth({ clock, timeoutMilliseconds: 60_000, families });
  const settings: SyncResult['settings'] = {
    ...{ detectors: {}, masqueradeAll: false, nodePortAddresses: [], localSources: [], serviceCIDRs: [] },
  };
  const result: SyncResult = {
    ...{ full: false, written: nothingWritten, changes: [], removedFrontends: [] },
    ...{ triggers, settings, refusedSetup: undefined },
  };
  new SyncMetrics({ families, health, metrics, clock }).synced({ result, seconds: 0.1, latencySeconds: 0.1 });
  const name = /^kubeproxy_network_programming_duration_seconds_(count|sum)/;
  return (await metrics.text()).split('\n').filter((line) => name.test(line));
}

it('the programming latency is measured in the families whose endpoints changed, and in no other', async () => {
  const name = 'kubeproxy_network_programming_duration_seconds';
  expect(await programmingLatency({ family: 6, at: 98_500 })).toEqual([
    `${name}_sum{ip_family="IPv4"} 0`,
    `${name}_count{ip_family="IPv4"} 0`,
    `${name}_sum{ip_family="IPv6"} 1.5`,
    `${name}_count{ip_family="IPv6"} 1`,
  ]);
});

it('a change that seems to come from the future, as clocks differ or were set, took no time: the sum does not go down', async () => {
  const samples = await programmingLatency({ family: 4, at: 3_700_000 });
  expect(samples).toContain('kubeproxy_network_programming_duration_seconds_sum{ip_family="IPv4"} 0');
  expect(samples).toContain('kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"} 1');
});
