import { conditionOf, effectiveRollout, kubeProxyLabel, rolloutDefaults } from '../../api/index.ts';
import type { EffectiveRollout, ProxyNodeState, ProxyNodeStateSpec } from '../../api/index.ts';
import type { CheckedConfig, ClusterNode } from '../cluster/index.ts';
import { mostUnavailable } from './budget.ts';
import type { Tell } from './tell.ts';

/** How long a node must have been uncovered: a ProxyConfig that is renamed, or made anew by a tool, is soon back. */
export const cleanupGraceSeconds = 60;
/** Nodes that do not say that they are clean hold up the others no longer than this. */
const patienceSeconds = rolloutDefaults.progressDeadlineSeconds;

/** A node that no config governs, and what it was told and says. */
interface Uncovered {
  readonly node: ClusterNode;
  readonly state: ProxyNodeState;
}

/** All that it depends on which nodes are cleaned up next: objects, and the time. */
export interface CleanupInput {
  readonly configs: readonly CheckedConfig[];
  readonly uncovered: readonly Uncovered[];
  /** Since when there has been the kind ProxyConfig; undefined: there is none, or it is about to go. */
  readonly kindSince: Date | undefined;
  readonly now: Date;
}

/** Whether the node has been told to take everything out of its kernel, and says that it has. */
export function isCleanedUp({ metadata, spec, status }: ProxyNodeState): boolean {
  const synced = conditionOf(status?.conditions, 'Synced');
  if (spec.cleanup === undefined || synced?.status !== 'True' || synced.reason !== 'CleanedUp') return false;
  return (synced.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

/** Whether what a node was told last wants it cleaned up once nobody governs it, and it has not been told yet. */
export function awaitsCleanup({ spec }: ProxyNodeState): boolean {
  return spec.config.onDelete === 'Cleanup' && spec.cleanup === undefined;
}

/**
 * Which nodes are to have nothing of ours any more: those whose last config said `Cleanup`, and that have been uncovered
 * for a minute. One first; when that says that it is clean, the others in batches of the config's `maxUnavailable`.
 * Nodes that are NotReady are told with the others, and nobody waits for them.
 *
 * Nothing but objects decides, so that any operator goes on where another one ended: the policy is in what the node was
 * told, the time in its condition Uncovered, and what has been decided in `spec.cleanup`.
 */
export function cleanupsOf(input: CleanupInput): Tell {
  const byConfig = Map.groupBy(input.uncovered, ({ state }) => state.spec.configRef.name);
  const tell: [string, ProxyNodeStateSpec][] = [];
  for (const [name, nodes] of byConfig) {
    const settings = settingsOf(input.configs, name);
    if (settings === undefined) continue;
    const startedAt = input.now.toISOString();
    for (const { node, state } of nextOf(nodes, settings, input)) {
      tell.push([node.name, { ...state.spec, cleanup: { startedAt } }]);
    }
  }
  return new Map(tell);
}

/** How the config wants to be changed; undefined if it says by now, or cannot be asked, that nothing is cleaned up. */
function settingsOf(configs: readonly CheckedConfig[], name: string): EffectiveRollout | undefined {
  const found = configs.find(({ config }) => config.metadata.name === name);
  if (found === undefined || found.config.metadata.deletionTimestamp !== undefined) return effectiveRollout();
  const { spec } = found.config;
  if (found.errors.length > 0 || spec.onDelete !== 'Cleanup' || spec.rollout?.paused) return undefined;
  return effectiveRollout(spec.rollout);
}

function nextOf(nodes: readonly Uncovered[], settings: EffectiveRollout, input: CleanupInput): Uncovered[] {
  const due = nodes.filter((each) => isDue(each, input)).sort((a, b) => (a.node.name < b.node.name ? -1 : 1));
  const told = nodes.filter(({ state }) => state.spec.cleanup !== undefined);
  const concerned = told.length + nodes.filter(({ state }) => awaitsCleanup(state)).length;
  const most = told.some(({ state }) => isCleanedUp(state)) ? mostUnavailable(settings.maxUnavailable, concerned) : 1;
  const free = Math.max(0, most - told.filter((each) => isUnderWay(each, input.now)).length);
  const [ready, away] = [due.filter(({ node }) => node.ready), due.filter(({ node }) => !node.ready)];
  return free === 0 ? [] : [...ready.slice(0, free), ...away];
}

function isDue({ node, state }: Uncovered, { kindSince, now }: CleanupInput): boolean {
  // kube-proxy is not back yet: nobody else would serve the node.
  if (kubeProxyLabel in node.labels) return false;
  if (!awaitsCleanup(state) || kindSince === undefined || toldAt(state) < kindSince.getTime()) return false;
  const uncovered = conditionOf(state.status?.conditions, 'Uncovered');
  if (uncovered?.status !== 'True') return false;
  return now.getTime() - Date.parse(uncovered.lastTransitionTime) >= cleanupGraceSeconds * 1000;
}

/**
 * When the node was told what it has, as far as that is known. If the kind ProxyConfig is younger, its objects went with
 * a CRD that was deleted, and nobody has said anything about this node.
 */
function toldAt({ metadata, spec }: ProxyNodeState): number {
  const times = [metadata.creationTimestamp, spec.rollout?.startedAt].map((time) => Date.parse(time ?? ''));
  return Math.max(...times.filter((time) => !Number.isNaN(time)), 0);
}

function isUnderWay({ node, state }: Uncovered, now: Date): boolean {
  if (!node.ready || isCleanedUp(state)) return false;
  return now.getTime() - Date.parse(state.spec.cleanup?.startedAt ?? '') < patienceSeconds * 1000;
}
