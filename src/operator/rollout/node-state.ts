import {
  apiVersion,
  canonicalJson,
  configLabel,
  proxyNodeStateKind,
  revisionOf,
  withDefaults,
} from '../../api/index.ts';
import type { ProxyConfig, ProxyNodeState } from '../../api/index.ts';
import type { ClusterNode } from '../cluster/index.ts';

/**
 * What the operator applies for a node that `config` (a valid one) governs. The Node owns it, not the agent's Pod: it
 * lives and dies with the Node.
 */
export function nodeStateFor(config: ProxyConfig, node: ClusterNode): ProxyNodeState {
  const effective = withDefaults(config.spec);
  return {
    apiVersion,
    kind: proxyNodeStateKind,
    metadata: {
      name: node.name,
      labels: { [configLabel]: config.metadata.name },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.uid }],
    },
    spec: {
      configRef: { name: config.metadata.name, generation: config.metadata.generation ?? 0 },
      revision: revisionOf(effective),
      config: effective,
    },
  };
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
