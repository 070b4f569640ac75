import { revisionOf, withDefaults } from '../../api/index.ts';
import type { NodeAssignment, ProxyConfig, ProxyNodeStateSpec } from '../../api/index.ts';

/**
 * What a valid config wants its nodes to be told. Without `agentRevision` (nobody knows yet what agents are to be made
 * from) their agents stay what they are.
 */
export function targetOf({ metadata, spec, status }: ProxyConfig, agentRevision?: string): NodeAssignment {
  const config = withDefaults(spec);
  const agent = agentRevision ?? status?.currentAgentRevision;
  return {
    configRef: { name: metadata.name, generation: metadata.generation ?? 0 },
    revision: revisionOf(config, agent),
    config,
    ...(agent !== undefined && { agentRevision: agent }),
  };
}

/** What a config rolled out last to its end; undefined before the first time. */
export function settledOf({ metadata, status }: ProxyConfig): NodeAssignment | undefined {
  const { currentRevision: revision, currentConfig: config, currentAgentRevision, observedGeneration } = status ?? {};
  if (revision === undefined || config === undefined) return undefined;
  const generation = Math.max(observedGeneration ?? 0, 0);
  const agent = currentAgentRevision !== undefined && { agentRevision: currentAgentRevision };
  return { configRef: { name: metadata.name, generation }, revision, config, ...agent };
}

/** What a node is told: what it is to do, or that nothing is to be left of it. */
type Told = NodeAssignment & Pick<ProxyNodeStateSpec, 'cleanup'>;

/** Whether a node was told this: generations of a config that mean the same are the same. */
export function isOn(spec: Told, target: Told | undefined): boolean {
  const sameKind = (spec.cleanup === undefined) === (target?.cleanup === undefined);
  return sameKind && spec.configRef.name === target?.configRef.name && spec.revision === target.revision;
}

/** What a node was told, without the rollout in which it was. */
export function assignmentOf({ configRef, revision, config, agentRevision }: ProxyNodeStateSpec): NodeAssignment {
  return { configRef, revision, config, ...(agentRevision !== undefined && { agentRevision }) };
}
