import { revisionOf, withDefaults } from '../../../api/index.ts';
import type {
  Condition,
  NodeAssignment,
  ProxyConfig,
  ProxyConfigStatus,
  ProxyNodeState,
  RolloutPhase,
} from '../../../api/index.ts';
import type { CheckedConfig, ClusterNode } from '../../cluster/index.ts';
import type { ConfigPlan, Share } from '../../rollout/index.ts';
import { configStatus } from '../config-status.ts';
import type { StatusInput } from '../facts.ts';

const config: ProxyConfig = { metadata: { name: 'default', generation: 3 }, spec: { masqueradeAll: true } };
export const effective = withDefaults(config.spec);
export const revision = revisionOf(effective);
export const target: NodeAssignment = { configRef: { name: 'default', generation: 3 }, revision, config: effective };
export const older: NodeAssignment = { ...target, revision: '0123456789' };
export const nothing: Share = { won: [], selected: 0, unsupported: [], uncovered: [] };
export const noon = new Date('2026-11-22T12:00:00.400Z');
export const later = new Date('2026-11-22T12:05:00Z');

export type Story =
  'ready' | 'proxied' | 'failing' | 'unreported' | 'not told' | 'behind' | 'degraded' | 'odd objects' | 'silent';

/** A node and what its ProxyNodeState says. */
export function machine(
  name: string,
  story: Story,
  ready = true,
): { node: ClusterNode; state: ProxyNodeState | undefined } {
  const node = { name, uid: name, labels: {}, ready };
  if (story === 'not told') return { node, state: undefined };
  const state: ProxyNodeState = { metadata: { name, generation: 7 }, spec: target };
  const condition = (type: string, status: Condition['status'], reason: string, message: string): Condition => ({
    type,
    status,
    reason,
    message,
    observedGeneration: story === 'behind' ? 6 : 7,
    lastTransitionTime: '2026-11-22T11:00:00Z',
  });
  if (story === 'unreported') return { node, state };
  if (story === 'silent') {
    const silent = condition('Synced', 'Unknown', 'AgentSilent', 'nothing has been heard since noon');
    return { node, state: { ...state, status: { appliedRevision: revision, conditions: [silent] } } };
  }
  const fails = story === 'failing' || story === 'behind';
  const synced = fails
    ? condition('Synced', 'False', 'SyncFailing', `${name} cannot ${'x'.repeat(300)}`)
    : condition('Synced', 'True', 'UpToDate', 'fine');
  const odd = condition('Degraded', 'True', 'ObjectsWithProblems', 'Service default/web: UnknownAlgorithm: no fastest');
  const hidden = condition('ClientAddressesHidden', 'True', 'ServedByProxy', '4 Service ports go through the proxy');
  const degraded = condition('Degraded', 'True', 'ServicePortsRefused', 'the kernel refuses one');
  const conditions = { degraded: [synced, degraded], 'odd objects': [synced, odd], proxied: [synced, hidden] }[
    story as string
  ] ?? [synced];
  const status = { ...(!fails && { appliedRevision: revision }), objectsWithProblems: 3, conditions };
  return { node, state: { ...state, status } };
}

/** What is otherwise so of it. */
export interface Said {
  readonly phase?: RolloutPhase;
  readonly share?: Share;
  readonly errors?: CheckedConfig['errors'];
  readonly unknownFields?: readonly string[];
  readonly failures?: ConfigPlan['failures'];
  readonly settled?: NodeAssignment;
  readonly agents?: StatusInput['agents'];
  readonly wouldLoseAgents?: readonly string[];
  readonly previous?: ProxyConfigStatus;
  readonly now?: Date;
}

const usually = { phase: 'Complete', errors: [], failures: [], wouldLoseAgents: [], now: noon } as const;

/** What is said of a config whose rollout has come to `phase`. */
export function statusOf(machines: ReturnType<typeof machine>[], o: Said = {}): ProxyConfigStatus {
  const { phase, errors, failures, wouldLoseAgents, now } = { ...usually, ...o };
  const { agents, previous } = o;
  const states = new Map(machines.map(({ node, state }) => [node.name, state]));
  const startedAt = '2026-11-22T11:59:00.000Z';
  const plan: ConfigPlan = {
    checked: { config, errors, ...(o.unknownFields !== undefined && { unknownFields: o.unknownFields }) },
    share: o.share ?? { ...nothing, won: machines.map(({ node }) => node), selected: machines.length },
    target: errors.length > 0 ? undefined : target,
    settled: o.settled ?? (phase === 'Complete' ? target : undefined),
    rollout: { phase, startedAt, lastProgressAt: startedAt },
    ...{ failures, tell: new Map() },
  };
  return configStatus({ plan, stateOf: ({ name }) => states.get(name), agents, wouldLoseAgents, previous, now });
}

/** `Ready=True/AllNodesSynced Degraded=…`, in the order of the status. */
export function summary(status: ProxyConfigStatus): string {
  return (status.conditions ?? []).map(({ type, status: is, reason }) => `${type}=${is}/${reason}`).join(' ');
}
