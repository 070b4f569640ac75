import { conditionOf } from '../api/index.ts';
import type { NamedNode, ProxyConfig, ProxyConfigStatus, ProxyNodeState } from '../api/index.ts';

/** What `kubectl get nftpc,nftps` has, at once. */
export interface ClusterStatus {
  readonly configs: readonly ProxyConfig[];
  readonly nodes: readonly ProxyNodeState[];
}

/** Lists of a status that name nodes in trouble, worst first, and what they are called. */
const lists = [
  ['failedNodes', 'failing'],
  ['silentNodes', 'silent'],
  ['uncoveredNodes', 'uncovered'],
  ['pendingNodes', 'waited for'],
] as const;

/** Whether every ProxyConfig is Ready, as of its spec as it is, and there is one. */
export function isAllReady({ configs }: ClusterStatus): boolean {
  return configs.length > 0 && configs.every(isReady);
}

function isReady(config: ProxyConfig): boolean {
  return isCurrent(config) && conditionOf(config.status?.conditions, 'Ready')?.status === 'True';
}

function isCurrent({ metadata, status }: ProxyConfig): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

/** All of it for people: each ProxyConfig with its rollout and the nodes in trouble, then a line a node. */
export function statusText(status: ClusterStatus): string {
  const { configs, nodes } = status;
  if (configs.length === 0 && nodes.length === 0) return 'there is no ProxyConfig, and no node was ever told one\n';
  const paragraphs = [...configs].sort(byName).map(configText);
  const none = configs.length === 0 ? ['there is no ProxyConfig: nodes go on with what they were told last\n'] : [];
  return [...none, ...paragraphs, nodeTable(nodes)].join('\n');
}

function configText(config: ProxyConfig): string {
  const { status = {} } = config;
  const { phase, startedAt = '' } = status.rollout ?? {};
  const lines = [
    headline(config),
    ...(phase === undefined ? [] : [`  rollout: ${phase}, begun ${startedAt}`]),
    ...troubles(status),
    ...lists.flatMap(([list, name]) => (status[list] ?? []).map((node) => nodeLine(name, node))),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function headline(config: ProxyConfig): string {
  const { metadata, status } = config;
  const ready = conditionOf(status?.conditions, 'Ready');
  const why =
    ready === undefined || !isCurrent(config)
      ? 'the operator has not looked at it yet'
      : `${ready.reason}: ${ready.message}`;
  return `ProxyConfig ${metadata.name}: ${isReady(config) ? 'Ready' : 'not Ready'}: ${why}`;
}

/** What is said beside Ready, and not in the same words. */
function troubles({ conditions }: ProxyConfigStatus): string[] {
  const said = conditionOf(conditions, 'Ready')?.message;
  return ['Stalled', 'Degraded'].flatMap((type) => {
    const condition = conditionOf(conditions, type);
    const isNews = condition?.status === 'True' && condition.message !== said;
    return isNews ? [`  ${type}: ${condition.reason}: ${condition.message}`] : [];
  });
}

function nodeLine(name: string, node: NamedNode): string {
  return `  ${name}: ${node.name}: ${node.reason}: ${node.message}`;
}

/** As kubectl aligns its tables. */
function nodeTable(nodes: readonly ProxyNodeState[]): string {
  const head = ['NODE', 'CONFIG', 'REVISION', 'APPLIED', 'SYNCED', 'DEGRADED', 'SERVICES', 'ENDPOINTS', 'AGENT'];
  const rows = [head, ...[...nodes].sort(byName).map(nodeRow)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function nodeRow({ metadata, spec, status = {} }: ProxyNodeState): string[] {
  const synced = conditionOf(status.conditions, 'Synced');
  const degraded = conditionOf(status.conditions, 'Degraded');
  return [
    ...[metadata.name, spec.configRef.name, spec.revision, status.appliedRevision ?? '-'],
    synced === undefined ? 'Unknown' : `${synced.status}${synced.status === 'True' ? '' : ` (${synced.reason})`}`,
    degraded?.status === 'True' ? degraded.reason : '-',
    ...[String(status.services ?? '-'), String(status.endpoints ?? '-'), status.agentVersion ?? '-'],
  ];
}

function byName(a: { metadata: { name: string } }, b: { metadata: { name: string } }): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
