import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClusterNode } from '../cluster/index.ts';
import type { ConfigPlan } from '../rollout/index.ts';
import {
  governedBy,
  isClean,
  kstatus,
  nodeNames,
  spec,
  specOf,
  stoppedPhase,
  story,
  WatchedCluster,
  works,
} from './testing/index.ts';
import type { Event } from './testing/index.ts';

/** What an event does to the cluster. */
const happenings: { [K in Event['kind']]: (cluster: WatchedCluster, it: Extract<Event, { kind: K }>) => void } = {
  time: (cluster, { ticks }) => cluster.pass(ticks),
  edit: (cluster, { config, spec: given }) => cluster.apply(config, specOf(config, given)),
  upgrade: (cluster, { agent }) => void (cluster.agentRevision = agent),
  delete: (cluster, { config }) => cluster.delete(config),
  join: (cluster, { node }) => cluster.join(node, { pool: 'core' }),
  leave: (cluster, { node }) => cluster.leave(node),
  ready: (cluster, { node, ready }) => cluster.change(node, { ready }),
  label: (cluster, { node, pool }) => cluster.change(node, { labels: { pool } }),
  agent: (cluster, { node, alive }) => cluster.agent(node, alive),
  crash: (cluster, { told }) => void cluster.operate(told),
};

function happen(cluster: WatchedCluster, it: Event): void {
  // The key is the kind, which the compiler cannot follow through an index.
  (happenings[it.kind] as (cluster: WatchedCluster, event: Event) => void)(cluster, it);
}

/** Where a rollout is when nothing changes any more: at an end, or it waits for a person or for nodes. */
function checkEnd({ checked, share, rollout, tell }: ConfigPlan): void {
  const phase = rollout?.phase ?? '';
  expect(tell.size).toBe(0);
  const waits = (phase === 'Paused' && checked.config.spec.rollout?.paused) || share.won.every(({ ready }) => !ready);
  expect(phase === 'Complete' || stoppedPhase.test(phase) || waits, JSON.stringify(checked.config.status)).toBe(true);
}

/** Whose ProxyConfig is gone, and said that its rules go then, has none; how many nodes that are. */
function checkCleaned(cluster: WatchedCluster, plans: ReadonlyMap<string, ConfigPlan>): number {
  const left = [...cluster.nodes.values()].filter(({ name }) => !governedBy(plans).has(name));
  const deleted = left.filter(({ name }) => {
    const spec = cluster.states.get(name)?.spec;
    return spec?.config.onDelete === 'Cleanup' && !plans.has(spec.configRef.name);
  });
  // Whoever has been told and does not say that it is clean holds up the others for longer than everything rests.
  const waits = ({ name, ready }: ClusterNode): boolean => {
    const state = cluster.states.get(name);
    return !ready || (state?.spec.cleanup !== undefined && !isClean(state));
  };
  if (deleted.some(waits)) return 0;
  for (const { name } of deleted) expect(cluster.states.get(name)?.spec.cleanup, `${name} is clean`).toBeDefined();
  return deleted.length;
}

/** Complete means that every node has it that could be asked, but for those that failed. */
function checkComplete(cluster: WatchedCluster, { checked, share, target }: ConfigPlan): void {
  const without = share.won.filter(({ name, ready }) => {
    const state = cluster.seen(name);
    return ready && !(state?.spec.revision === target?.revision && works(state));
  });
  const { failed = 0, silent = 0 } = checked.config.status?.nodes ?? {};
  expect(without.length).toBeLessThanOrEqual(failed + silent);
}

/** At rest nobody who follows kstatus waits any more. */
function checkVerdict(
  cluster: WatchedCluster,
  { checked: { config } }: ConfigPlan,
  said: Record<string, number>,
): void {
  const verdict = kstatus(cluster.configs.get(config.metadata.name) ?? config);
  expect(['Current', 'Failed'], JSON.stringify(config.status)).toContain(verdict);
  said[verdict] = (said[verdict] ?? 0) + 1;
}

test('whatever happens, a rollout keeps its bounds, leaves every node what it had, and ends', () => {
  const ends: Record<string, number> = {};
  const saidAtEnd: Record<string, number> = {};
  let cleaned = 0;
  const nodes = fc.subarray(nodeNames, { minLength: 1 });
  fc.assert(
    fc.property(story, nodes, spec, ({ events, how, leaves }, initial, first) => {
      const cluster = new WatchedCluster(how);
      for (const name of initial) cluster.join(name, { pool: name < 'd' ? 'edge' : 'core' });
      cluster.apply('all', specOf('all', first));
      for (const each of events) happen(cluster, each);
      cluster.rest();
      if (leaves) cluster.deleteAll();
      const plans = cluster.operate();
      cleaned += checkCleaned(cluster, plans);
      for (const each of plans.values()) {
        checkEnd(each);
        const phase = each.rollout?.phase ?? '';
        if (phase === 'Complete') checkComplete(cluster, each);
        checkVerdict(cluster, each, saidAtEnd);
        ends[phase] = (ends[phase] ?? 0) + 1;
      }
    }),
    { numRuns: Number(process.env['NFTPROXY_PROPERTY_RUNS'] ?? 300) },
  );
  // Else it would say little about them.
  for (const said of ['Current', 'Failed']) expect(saidAtEnd[said], said).toBeGreaterThan(5);
  expect(cleaned).toBeGreaterThan(5);
  for (const phase of ['Complete', 'RolledBack', 'Failed']) expect(ends[phase], phase).toBeGreaterThan(5);
});
