import { conditionOf } from '../api/index.ts';
import type { ProxyNodeState, ProxyNodeStateStatus } from '../api/index.ts';
import { overviewOf } from '../overview/index.ts';
import type { BusyServicePort, Change, ClusterObjects, ConfigOverview } from '../overview/index.ts';
import { table } from './table.ts';

/** So many of the last changes are told: the rest is on the operator's page. */
const mostChanges = 5;

/**
 * All of it for people, what the operator's page shows: each ProxyConfig with its rollout and the nodes in trouble, a line
 * a node, the busiest Service ports, and what changed last.
 */
export function statusText(objects: ClusterObjects, now: Date): string {
  const { configs, nodes } = objects;
  if (configs.length === 0 && nodes.length === 0) return 'there is no ProxyConfig, and no node was ever told one\n';
  const overview = overviewOf(objects, now);
  const none = configs.length === 0 ? ['there is no ProxyConfig: nodes go on with what they were told last\n'] : [];
  const tables = [
    nodeTable(nodes),
    busiestTable(overview.busiest),
    changeTable(overview.changes.slice(0, mostChanges)),
  ];
  return [...none, ...overview.configs.map(configText), ...tables.filter((table) => table !== '')].join('\n');
}

function configText(config: ConfigOverview): string {
  const { rollout } = config;
  const kubeProxy = conditionOf(config.conditions, 'KubeProxyParked');
  const lines = [
    `ProxyConfig ${config.name}: ${config.ready ? 'Ready' : 'not Ready'}: ${config.why}`,
    ...(rollout === undefined ? [] : [`  rollout: ${rollout.phase}, begun ${rollout.startedAt}`]),
    ...(kubeProxy === undefined ? [] : [`  kube-proxy: ${kubeProxy.reason}: ${kubeProxy.message}`]),
    ...config.troubles.map(({ type, reason, message }) => `  ${type}: ${reason}: ${message}`),
    ...config.named.map(({ list, name, reason, message }) => `  ${list}: ${name}: ${reason}: ${message}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function nodeTable(nodes: readonly ProxyNodeState[]): string {
  const head = [
    'NODE',
    'CONFIG',
    'REVISION',
    'APPLIED',
    'MODE',
    'SYNCED',
    'DEGRADED',
    'SERVICES',
    'ENDPOINTS',
    'AGENT',
  ];
  return table(head, [...nodes].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)).map(nodeRow));
}

function nodeRow({ metadata, spec, status = {} }: ProxyNodeState): string[] {
  const synced = conditionOf(status.conditions, 'Synced');
  const degraded = conditionOf(status.conditions, 'Degraded');
  return [
    ...[metadata.name, spec.configRef.name, spec.revision, status.appliedRevision ?? '-', modeText(status)],
    synced === undefined ? 'Unknown' : `${synced.status}${synced.status === 'True' ? '' : ` (${synced.reason})`}`,
    degraded?.status === 'True' ? degraded.reason : '-',
    ...[String(status.services ?? '-'), String(status.endpoints ?? '-'), status.agentVersion ?? '-'],
  ];
}

/** The mode, and what is otherwise on the node: `ipvs (2 fell back)`, `nftables (fast path)`. */
function modeText({ mode = '-', servedBy, conditions }: ProxyNodeStateStatus): string {
  const fastPath = conditionOf(conditions, 'FastPath');
  const others = [
    ...servedByText(mode, servedBy),
    ...(fastPath === undefined ? [] : [fastPath.status === 'True' ? 'fast path' : 'no fast path']),
  ];
  return others.length === 0 ? mode : `${mode} (${others.join(', ')})`;
}

function servedByText(mode: string, servedBy: ProxyNodeStateStatus['servedBy']): string[] {
  if (!servedBy) return [];
  const { ipvs, userspace = 0, fallenBack } = servedBy;
  return [
    ...(ipvs > 0 && mode !== 'ipvs' ? [`${ipvs} by ipvs`] : []),
    ...(userspace > 0 && mode !== 'userspace' ? [`${userspace} by userspace`] : []),
    ...(fallenBack > 0 ? [`${fallenBack} fell back`] : []),
  ];
}

function busiestTable(busiest: readonly BusyServicePort[]): string {
  const rows = busiest.map(({ name, connectionsPerSecond, nodes }) => [
    name,
    rate(connectionsPerSecond),
    String(nodes),
  ]);
  return table(['BUSIEST SERVICE PORT', 'CONNECTIONS/S', 'NODES'], rows);
}

function rate(perSecond: number): string {
  return perSecond.toFixed(perSecond < 10 ? 2 : 0);
}

function changeTable(changes: readonly Change[]): string {
  return table(
    ['CHANGED LAST', 'WHAT', ''],
    changes.map(({ at, about, what }) => [at, about, what]),
  );
}
