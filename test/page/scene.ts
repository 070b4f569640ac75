import { nodeConditionReasons, withDefaults } from '../../src/api/index.ts';
import type { Condition, NodeCounts, ProxyConfig, ProxyNodeState } from '../../src/api/index.ts';
import type { ClusterObjects } from '../../src/overview/index.ts';

/** When it is looked at. */
export const now = new Date('2026-11-27T09:30:00Z');
const ago = (seconds: number): string => new Date(now.getTime() - seconds * 1000).toISOString().replace('.000', '');

const revision = '4be1c0ffee';
const condition = (
  type: string,
  status: Condition['status'],
  said: { reason: string; message: string; seconds: number },
) => ({
  ...{ type, status, reason: said.reason, message: said.message, lastTransitionTime: ago(said.seconds) },
});

const synced = condition('Synced', 'True', {
  ...{ reason: nodeConditionReasons.Synced[0], message: 'the kernel holds every Service', seconds: 4000 },
});

function node(name: string, config: string, status: ProxyNodeState['status']): ProxyNodeState {
  const spec = { configRef: { name: config, generation: 7 }, revision, config: withDefaults({}) };
  return { metadata: { name }, spec, status: { appliedRevision: revision, services: 412, endpoints: 2890, ...status } };
}

const services = [
  'shop/cart:http',
  'kube-system/kube-dns:dns',
  'shop/catalog:grpc',
  'auth/sessions:redis',
  'shop/checkout:http',
];

function good(name: string, index: number): ProxyNodeState {
  const servicePorts = services.map((each, rank) => ({ name: each, connections: (9000 + (index % 7) * 130) >> rank }));
  const busiest = { since: ago(1500), until: ago(900), servicePorts };
  return node(name, index % 10 === 9 ? 'edge' : 'default', {
    conditions: [synced],
    lastChangeTime: ago(3600 + (index % 40)),
    busiest,
  });
}

const troubles: readonly ((name: string) => ProxyNodeState)[] = [
  (name) =>
    node(name, 'default', {
      lastChangeTime: ago(240),
      conditions: [
        condition('Synced', 'False', {
          ...{ reason: 'SettingsRefused', seconds: 240 },
          message:
            'the kernel refuses the settings of this node; the last good ones stay in force, Services are followed. ' +
            'Change ProxyConfig default. The kernel says: Operation not supported (EOPNOTSUPP)',
        }),
      ],
    }),
  (name) =>
    node(name, 'default', {
      lastChangeTime: ago(9000),
      conditions: [
        condition('Synced', 'Unknown', {
          reason: 'AgentSilent',
          message: `nothing was heard of the agent since ${ago(130)}`,
          seconds: 70,
        }),
      ],
    }),
  (name) =>
    node(name, 'edge', {
      lastChangeTime: ago(600),
      conditions: [
        synced,
        condition('Degraded', 'True', {
          ...{ reason: 'ObjectsWithProblems', seconds: 600 },
          message: 'Service shop/legacy: UnknownAlgorithm: nftproxy.io/algorithm is "fastest"; using random',
        }),
      ],
    }),
  (name) =>
    node(name, 'default', {
      conditions: [
        condition('Synced', 'Unknown', {
          reason: 'Applying',
          message: `revision ${revision} is not in force yet, or on trial`,
          seconds: 4,
        }),
      ],
      lastChangeTime: ago(4),
    }),
];

/** A cluster in the middle of a rollout: so many nodes, four in a hundred of them with something to say (at least one of each). */
export function midRollout(size: number): ClusterObjects {
  const names = Array.from({ length: size }, (_, index) => `node-${String(index + 1).padStart(4, '0')}`);
  const each = Math.max(1, Math.round(size / 100));
  const nodes = names.map((name, index) => (troubles[Math.floor(index / each)] ?? ((own) => good(own, index)))(name));
  const counts: NodeCounts = {
    ...{ matching: size - each, updated: Math.round(size * 0.7), ready: size - 4 * each },
    ...{ failed: each, silent: each, pending: each, ignored: 0, uncovered: 0 },
  };
  const failing = `revision ${revision} fails on ${each} of ${size - each} nodes, first ${names[0] ?? ''}: SettingsRefused`;
  const trouble = (name: string, reason: string, message: string) => ({ name, reason, message });
  const rolling: ProxyConfig = {
    metadata: { name: 'default', generation: 7 },
    spec: {},
    status: {
      ...{ observedGeneration: 7, currentRevision: '90210abcde', updateRevision: revision, nodes: counts },
      rollout: {
        ...{ phase: 'Rolling', startedAt: ago(700), lastProgressAt: ago(4) },
        ...{ canaryReadyAt: ago(640), canaryPassedAt: ago(580) },
      },
      failedNodes: [trouble(names[0] ?? '', 'SettingsRefused', 'the kernel refuses the settings of this node')],
      silentNodes: [trouble(names[each] ?? '', 'AgentSilent', `nothing was heard of the agent since ${ago(130)}`)],
      conditions: [
        condition('Accepted', 'True', { reason: 'Valid', message: 'the spec is valid', seconds: 90_000 }),
        condition('Reconciling', 'True', {
          reason: 'RollingOut',
          message: `revision ${revision} goes to the nodes`,
          seconds: 700,
        }),
        condition('Degraded', 'True', { reason: 'NodesFailing', message: failing, seconds: 240 }),
        condition('Ready', 'False', { reason: 'NodesFailing', message: failing, seconds: 240 }),
      ],
    },
  };
  return { configs: [rolling, edge(Math.round(size / 10))], nodes };
}

function edge(size: number): ProxyConfig {
  const counts = {
    matching: size,
    updated: size,
    ready: size,
    failed: 0,
    pending: 0,
    silent: 0,
    ignored: 0,
    uncovered: 0,
  };
  return {
    metadata: { name: 'edge', generation: 2 },
    spec: { priority: 10 },
    status: {
      ...{ observedGeneration: 2, currentRevision: revision, nodes: counts },
      rollout: { phase: 'Complete', startedAt: ago(93_000), lastProgressAt: ago(92_000) },
      conditions: [
        condition('Accepted', 'True', { reason: 'Valid', message: 'the spec is valid', seconds: 500_000 }),
        condition('Ready', 'True', {
          reason: 'AllNodesSynced',
          message: `${size}/${size} nodes have revision ${revision}`,
          seconds: 92_000,
        }),
        condition('Degraded', 'True', {
          reason: 'ObjectsWithProblems',
          message: '1 Service has something that cannot be honoured; see Events',
          seconds: 600,
        }),
      ],
    },
  };
}
