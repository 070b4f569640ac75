/** What the operator keeps of a Node. */
export interface NodeInfo {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Condition Ready is True. */
  readonly ready: boolean;
}

/** A Node of core/v1, as far as it is read. */
export interface RawNode {
  metadata: { name: string; uid?: string; labels?: Record<string, string>; deletionTimestamp?: string };
  status?: { conditions?: { type: string; status: string }[] };
}

/** The NodeInfo of a Node as the API server has it. */
export function nodeInfoOf(node: RawNode): NodeInfo {
  return {
    name: node.metadata.name,
    uid: node.metadata.uid ?? '',
    labels: node.metadata.labels ?? {},
    ready: node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
  };
}

/** True if nothing that the operator looks at differs (a kubelet's heartbeat changes a Node every few seconds). */
export function sameNode(a: NodeInfo, b: NodeInfo): boolean {
  const [left, right] = [Object.entries(a.labels), b.labels];
  return (
    a.uid === b.uid &&
    a.ready === b.ready &&
    left.length === Object.keys(right).length &&
    left.every(([key, value]) => right[key] === value)
  );
}
