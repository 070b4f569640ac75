import type { ProxyConfig, ProxyNodeState } from '../api/index.ts';
import { lookOf } from './node-groups.ts';
import type { NodeLook } from './node-groups.ts';

/** Something that has changed. */
export interface Change {
  /** RFC 3339, UTC. */
  readonly at: string;
  /** What it is about: `ProxyConfig default`, `node-1`, `37 nodes`. */
  readonly about: string;
  readonly what: string;
  /** How it is to be looked at. */
  readonly look: NodeLook;
}

const mostShown = 20;

/** What has changed last, newest first: steps of rollouts, conditions, and nodes whose status says something else. */
export function changesOf(configs: readonly ProxyConfig[], nodes: readonly ProxyNodeState[]): Change[] {
  return [...configs.flatMap(ofConditions), ...configs.flatMap(ofRollout), ...ofNodes(nodes)]
    .sort((a, b) => inOrder(b.at, a.at) || inOrder(a.about, b.about))
    .slice(0, mostShown);
}

function inOrder(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function ofRollout({ metadata, status }: ProxyConfig): Change[] {
  const { startedAt, canaryReadyAt, canaryPassedAt } = status?.rollout ?? {};
  const revision = status?.updateRevision ?? status?.currentRevision ?? '';
  const steps = [
    [startedAt, `rollout of revision ${revision} begun`],
    [canaryReadyAt, 'all canaries are ready'],
    [canaryPassedAt, 'the canaries passed'],
  ] as const;
  const about = `ProxyConfig ${metadata.name}`;
  return steps.flatMap(([at, what]) => (at === undefined ? [] : [{ at, about, what, look: 'good' as const }]));
}

/** Conditions that are nobody's fault when they are True. */
const harmless = ['Reconciling', 'KubeProxyParked', 'ClientAddressesHidden'];

/** The conditions that count when True, and Ready; what they turned into. */
function ofConditions({ metadata, status }: ProxyConfig): Change[] {
  const about = `ProxyConfig ${metadata.name}`;
  return (status?.conditions ?? []).map(({ type, status: is, reason, message, lastTransitionTime: at }) => {
    const bad = type === 'Ready' || type === 'Accepted' ? is === 'False' : is === 'True' && !harmless.includes(type);
    const look = bad ? 'failing' : is === 'Unknown' ? 'waiting' : 'good';
    return { at, about, what: `${type} is ${is}: ${reason}: ${message}`, look };
  });
}

/** Nodes that came to say the same within the same minute are one change: a rollout turns thousands. */
function ofNodes(nodes: readonly ProxyNodeState[]): Change[] {
  const changed = nodes.flatMap((node) => {
    const at = node.status?.lastChangeTime;
    return at === undefined ? [] : [{ at, node, ...lookOf(node) }];
  });
  const together = Map.groupBy(changed, ({ at, look, reason }) => `${at.slice(0, 16)} ${look} ${reason}`);
  return [...together.values()].flatMap((members) => {
    const [first] = members;
    if (first === undefined) return [];
    const { look, reason, message, node } = first;
    const at = members.reduce((latest, member) => (member.at > latest ? member.at : latest), first.at);
    if (members.length === 1) return [{ at, about: node.metadata.name, what: `${reason}: ${message}`, look }];
    return [{ at, about: `${members.length} nodes`, what: `${reason}, ${node.metadata.name} among them`, look }];
  });
}
