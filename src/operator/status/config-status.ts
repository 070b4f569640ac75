import { maximumFailedNodes, maximumNodeMessage, revisionOf, shorten, withDefaults } from '../../api/index.ts';
import type { NodeCounts, ProxyConfig, ProxyConfigStatus, ProxyNodeState } from '../../api/index.ts';
import type { FieldError } from '../../api/schema/index.ts';
import type { AgentCounts } from '../cluster/index.ts';
import { countNodes, nodeProgress } from '../rollout/index.ts';
import type { NodeProgress, Share } from '../rollout/index.ts';
import { conditionsFrom, verdict } from './conditions.ts';
import type { Verdict } from './conditions.ts';

/** What is known about a ProxyConfig. */
export interface StatusInput {
  readonly config: ProxyConfig;
  /** Empty if the spec is valid. */
  readonly errors: readonly FieldError[];
  readonly share: Share;
  readonly stateOf: (node: string) => ProxyNodeState | undefined;
  /** Undefined while nobody can say. */
  readonly agents: AgentCounts | undefined;
  /** The status as it was written last. */
  readonly previous: ProxyConfigStatus | undefined;
  readonly now: Date;
}

/** For how long agents may be missing (starting, being replaced) before that is worth a condition. */
export const agentGraceSeconds = 30;

/**
 * The status of a ProxyConfig, from what is known of its nodes. A pure function: the same input gives the same status,
 * and a status that was computed before the same conditions with the same times.
 *
 * `currentRevision` is the last revision that every node had which could be asked; it stays while another one is on
 * its way.
 */
export function configStatus(input: StatusInput): ProxyConfigStatus {
  const { config, previous } = input;
  const generation = config.metadata.generation ?? 0;
  const facts = factsOf(input);
  const verdicts = [...acceptance(facts), degradation(facts), readiness(facts)];
  const complete = verdicts.some(({ type, status }) => type === 'Ready' && status === 'True');
  const currentRevision = complete ? facts.revision : previous?.currentRevision;
  return {
    observedGeneration: generation,
    ...(currentRevision !== undefined && { currentRevision }),
    ...(facts.revision !== undefined && { updateRevision: facts.revision }),
    nodes: { ...facts.counts, uncovered: input.share.uncovered.length },
    failedNodes: failedNodes(facts.nodes),
    conditions: conditionsFrom(verdicts, previous?.conditions ?? [], generation, input.now),
  };
}

interface Facts {
  readonly input: StatusInput;
  readonly counts: Omit<NodeCounts, 'uncovered'>;
  readonly nodes: readonly NodeProgress[];
  /** Revision that nodes are to have; undefined if there has never been a valid spec. */
  readonly revision: string | undefined;
}

function factsOf(input: StatusInput): Facts {
  const { config, errors, share } = input;
  const revision = errors.length > 0 ? undefined : revisionOf(withDefaults(config.spec));
  const nodes = share.won.map((node) => nodeProgress(node, input.stateOf(node.name), config.metadata.name, revision));
  return { input, counts: countNodes(nodes), nodes, revision };
}

/** Accepted, and as it may be Reconciling and Stalled. */
function acceptance({ input, counts, revision }: Facts): Verdict[] {
  const { errors, share } = input;
  if (errors.length > 0) {
    const message = errors.map((error) => `${error.path}: ${error.message}`).join('; ');
    return [verdict('Accepted', 'False', 'InvalidSpec', message), verdict('Stalled', 'True', 'InvalidSpec', message)];
  }
  if (isShadowed(share)) return [verdict('Accepted', 'False', 'Shadowed', shadowedMessage(share))];
  const accepted = verdict('Accepted', 'True', 'Valid', `the spec is valid${leftOut(share)}`);
  if (isWaiting(counts))
    return [accepted, verdict('Reconciling', 'True', 'WaitingForNodes', progress(counts, revision))];
  if (counts.pending > 0) return [accepted, verdict('Reconciling', 'True', 'RollingOut', progress(counts, revision))];
  return [accepted];
}

function degradation({ input: { agents, share }, counts, nodes }: Facts): Verdict {
  const failing = nodes.filter((node) => node.progress === 'failed');
  if (failing.length > 0) return verdict('Degraded', 'True', 'NodesFailing', failureMessage(failing, counts));
  if (agents !== undefined && agents.shortForSeconds >= agentGraceSeconds) {
    const message = `${agents.desired - agents.ready} of ${agents.desired} agents are not ready; see the Pods of the DaemonSet`;
    return verdict('Degraded', 'True', 'AgentNotRunning', message);
  }
  if (share.uncovered.length > 0) return verdict('Degraded', 'True', 'NodesUncovered', uncoveredMessage(share));
  const [first, ...others] = nodes.filter((node) => node.degraded !== undefined);
  if (first?.degraded === undefined) return verdict('Degraded', 'False', 'AsExpected', 'nothing to report');
  const more = others.length > 0 ? ` (and ${others.length} more nodes)` : '';
  return verdict('Degraded', 'True', 'NodesDegraded', `${first.name}: ${first.degraded.message}${more}`);
}

function readiness({ input: { errors, share }, counts, nodes, revision }: Facts): Verdict {
  if (errors.length > 0)
    return verdict('Ready', 'False', 'InvalidSpec', 'the spec is invalid; nodes keep what they have');
  if (isShadowed(share)) return verdict('Ready', 'False', 'Shadowed', shadowedMessage(share));
  if (share.selected === 0) return verdict('Ready', 'False', 'NoMatchingNode', 'nodeSelector selects no node');
  if (isWaiting(counts)) return verdict('Ready', 'Unknown', 'WaitingForNodes', progress(counts, revision));
  if (counts.pending > 0) return verdict('Ready', 'Unknown', 'RollingOut', progress(counts, revision));
  const failing = nodes.filter((node) => node.progress === 'failed');
  if (failing.length > 0) return verdict('Ready', 'False', 'NodesFailing', failureMessage(failing, counts));
  return verdict('Ready', 'True', 'AllNodesSynced', progress(counts, revision));
}

/** Selects nodes, and loses every one of them. */
function isShadowed(share: Share): boolean {
  return share.selected > 0 && share.won.length === 0;
}

/** Names of nodes for a message, not all of them if they are many. */
function named(nodes: readonly string[]): string {
  const more = nodes.length - maximumFailedNodes;
  return [...nodes].sort().slice(0, maximumFailedNodes).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function leftOut({ unsupported }: Share): string {
  return unsupported.length === 0 ? '' : `; left out because no agent runs on their system: ${named(unsupported)}`;
}

function uncoveredMessage({ uncovered }: Share): string {
  return `no valid ProxyConfig selects these nodes any more, and they go on with what this one said last: ${named(uncovered)}`;
}

/** No node is left that could be asked. */
function isWaiting({ matching, ignored }: Facts['counts']): boolean {
  return matching > 0 && matching === ignored;
}

function shadowedMessage({ selected }: Share): string {
  return `other ProxyConfigs of higher rank (priority, then age, then name) have all ${selected} nodes that it selects`;
}

/** E.g. `3/5 nodes have revision 0f3a…, 1 failing, 1 pending (2 more ignored because NotReady)`. */
function progress({ matching, ready, failed, pending, ignored }: Facts['counts'], revision = 'none'): string {
  const asked = matching - ignored;
  const parts = [`${ready}/${asked} nodes have revision ${revision}`];
  if (failed > 0) parts.push(`${failed} failing`);
  if (pending > 0) parts.push(`${pending} pending`);
  return parts.join(', ') + (ignored > 0 ? ` (${ignored} more ignored because NotReady)` : '');
}

function failureMessage(failing: readonly NodeProgress[], counts: Omit<NodeCounts, 'uncovered'>): string {
  const [first] = failing;
  const example = first === undefined ? '' : `, for example ${first.name}: ${first.synced?.message ?? ''}`;
  return `${counts.failed} of ${counts.matching} nodes failing${example}`;
}

function failedNodes(nodes: readonly NodeProgress[]): NonNullable<ProxyConfigStatus['failedNodes']> {
  return nodes
    .filter((node) => node.progress === 'failed')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, maximumFailedNodes)
    .map(({ name, synced }) => ({
      name,
      reason: synced?.reason ?? 'Unknown',
      message: shorten(synced?.message ?? '', maximumNodeMessage),
    }));
}
