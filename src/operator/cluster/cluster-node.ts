/** core/v1 Taint, as far as it is looked at. */
export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

/** What the operator keeps of a Node. */
export interface ClusterNode {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Condition Ready is True. */
  readonly ready: boolean;
  /** Absent if it has none. */
  readonly taints?: readonly Taint[];
}

/** What the operator keeps of a Node of core/v1, given as far as it is read. */
export function clusterNodeOf(node: {
  metadata: { name: string; uid?: string; labels?: Record<string, string> };
  spec?: { taints?: readonly Taint[] };
  status?: { conditions?: { type: string; status: string }[] };
}): ClusterNode {
  const taints = node.spec?.taints?.map(({ key, value, effect }) => ({ key, ...(value && { value }), effect })) ?? [];
  return {
    name: node.metadata.name,
    uid: node.metadata.uid ?? '',
    labels: node.metadata.labels ?? {},
    ready: node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    ...(taints.length > 0 && { taints }),
  };
}

/** True if nothing that the operator looks at differs (a kubelet's heartbeat changes a Node every few seconds). */
export function sameNode(a: ClusterNode, b: ClusterNode): boolean {
  const [left, right] = [Object.entries(a.labels), b.labels];
  return (
    a.uid === b.uid &&
    a.ready === b.ready &&
    left.length === Object.keys(right).length &&
    left.every(([key, value]) => right[key] === value) &&
    JSON.stringify(a.taints) === JSON.stringify(b.taints)
  );
}
