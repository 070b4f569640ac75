import { apiVersion, canonicalJson, configLabel, proxyNodeStateKind } from '../../api/index.ts';
import type { ProxyNodeState, ProxyNodeStateSpec } from '../../api/index.ts';
import type { ClusterNode } from '../cluster/index.ts';

/**
 * What the operator applies for a node that is to be told this. The Node owns it, not the agent's Pod: it lives and dies
 * with the Node.
 */
export function nodeStateOf(spec: ProxyNodeStateSpec, node: ClusterNode): ProxyNodeState {
  return {
    apiVersion,
    kind: proxyNodeStateKind,
    metadata: {
      name: node.name,
      labels: { [configLabel]: spec.configRef.name },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.uid }],
    },
    spec,
  };
}

/** False for what a Node of the same name was told that is gone: the garbage collector has yet to come. */
export function belongsTo({ metadata }: ProxyNodeState, { uid }: ClusterNode): boolean {
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'Node');
  return owner === undefined || owner.uid === uid;
}

/** True if applying `desired` would change `current`. */
export function differs(desired: ProxyNodeState, current: ProxyNodeState | undefined): boolean {
  if (current === undefined || current.metadata.labels?.[configLabel] !== desired.metadata.labels?.[configLabel]) {
    return true;
  }
  const [owner] = desired.metadata.ownerReferences ?? [];
  const owned = current.metadata.ownerReferences?.some(({ uid }) => uid === owner?.uid) ?? false;
  return !owned || canonicalJson(current.spec) !== canonicalJson(desired.spec);
}
