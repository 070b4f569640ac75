/** What the operator keeps of a Node. */
export interface ClusterNode {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Condition Ready is True. */
  readonly ready: boolean;
}

/** What the operator keeps of a Node of core/v1, given as far as it is read. */
export function clusterNodeOf(node: {
  metadata: { name: string; uid?: string; labels?: Record<string, string> };
  status?: { conditions?: { type: string; status: string }[] };
}): ClusterNode {
  return {
    name: node.metadata.name,
    uid: node.metadata.uid ?? '',
    labels: node.metadata.labels ?? {},
    ready: node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
  };
}

/** True if nothing that the operator looks at differs (a kubelet's heartbeat changes a Node every few seconds). */
export function sameNode(a: ClusterNode, b: ClusterNode): boolean {
  const [left, right] = [Object.entries(a.labels), b.labels];
  return (
    a.uid === b.uid &&
    a.ready === b.ready &&
    left.length === Object.keys(right).length &&
    left.every(([key, value]) => right[key] === value)
  );
}
