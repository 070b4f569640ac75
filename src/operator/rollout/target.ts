import { revisionOf, withDefaults } from '../../api/index.ts';
import type { NodeAssignment, ProxyConfig, ProxyNodeStateSpec } from '../../api/index.ts';

/** What a valid config wants its nodes to be told. */
export function targetOf({ metadata, spec }: ProxyConfig): NodeAssignment {
  const config = withDefaults(spec);
  return {
    configRef: { name: metadata.name, generation: metadata.generation ?? 0 },
    revision: revisionOf(config),
    config,
  };
}

/** What a config rolled out last to its end; undefined before the first time. */
export function settledOf({ metadata, status }: ProxyConfig): NodeAssignment | undefined {
  const { currentRevision: revision, currentConfig: config, observedGeneration } = status ?? {};
  if (revision === undefined || config === undefined) return undefined;
  const generation = Math.max(observedGeneration ?? 0, 0);
  return { configRef: { name: metadata.name, generation }, revision, config };
}

/** Whether a node was told this: generations of a config that mean the same are the same. */
export function isOn(spec: NodeAssignment, target: NodeAssignment | undefined): boolean {
  return spec.configRef.name === target?.configRef.name && spec.revision === target.revision;
}

/** What a node was told, without the rollout in which it was. */
export function assignmentOf({ configRef, revision, config }: ProxyNodeStateSpec): NodeAssignment {
  return { configRef, revision, config };
}
