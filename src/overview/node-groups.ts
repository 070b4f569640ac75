import { agentSilent, conditionOf } from '../api/index.ts';
import type { Condition, ProxyNodeState } from '../api/index.ts';

/** How a node is to be looked at, worst first. */
const looks = ['failing', 'silent', 'uncovered', 'degraded', 'waiting', 'good'] as const;
export type NodeLook = (typeof looks)[number];

/** What is to be said first about one node. */
interface Look {
  readonly look: NodeLook;
  /** From the closed lists of reasons. */
  readonly reason: string;
  readonly message: string;
}

/** Nodes of which the same is said. */
export interface NodeGroup {
  readonly look: NodeLook;
  readonly reason: string;
  readonly count: number;
  /** What they say in words, that which most say first; not more than {@link mostMessages}. */
  readonly said: readonly NodesSaying[];
}

/** Nodes that say the same in the same words. */
interface NodesSaying {
  readonly message: string;
  readonly count: number;
  /** The first by name, not more than {@link mostNamed}. */
  readonly names: readonly string[];
}

const mostMessages = 5;
const mostNamed = 12;

/** What a condition makes of a node, worst first. */
const verdicts: readonly (readonly [type: string, look: NodeLook, says: (condition: Condition) => boolean])[] = [
  ['Synced', 'failing', ({ status }) => status === 'False'],
  ['Synced', 'silent', ({ reason }) => reason === agentSilent],
  ['Uncovered', 'uncovered', ({ status }) => status === 'True'],
  ['Degraded', 'degraded', ({ status }) => status === 'True'],
  ['Synced', 'good', ({ status }) => status === 'True'],
  ['Synced', 'waiting', () => true],
];

/** What is to be said first about a node: what is worst. */
export function lookOf({ status }: Pick<ProxyNodeState, 'status'>): Look {
  for (const [type, look, says] of verdicts) {
    const condition = conditionOf(status?.conditions, type);
    if (condition !== undefined && says(condition))
      return { look, reason: condition.reason, message: condition.message };
  }
  return { look: 'waiting', reason: 'NotReported', message: 'no agent has reported yet' };
}

/** Nodes by what is to be said first about them: worst first, the largest group of those first. */
export function groupsOf(nodes: readonly ProxyNodeState[]): NodeGroup[] {
  const looked = nodes.map((node) => ({ node, ...lookOf(node) }));
  const groups = Map.groupBy(looked, ({ look, reason }) => `${look}/${reason}`);
  return [...groups.values()]
    .flatMap((members) => {
      const [first] = members;
      return first === undefined ? [] : [{ ...first, members }];
    })
    .sort((a, b) => looks.indexOf(a.look) - looks.indexOf(b.look) || b.members.length - a.members.length)
    .map(({ look, reason, members }) => ({ look, reason, count: members.length, said: saidBy(members) }));
}

function saidBy(members: readonly { node: ProxyNodeState; message: string }[]): NodesSaying[] {
  return [...Map.groupBy(members, ({ message }) => message)]
    .map(([message, sayers]) => ({ message, names: sayers.map(({ node }) => node.metadata.name).sort() }))
    .sort((a, b) => b.names.length - a.names.length || ((a.names[0] ?? '') < (b.names[0] ?? '') ? -1 : 1))
    .slice(0, mostMessages)
    .map(({ message, names }) => ({ message, count: names.length, names: names.slice(0, mostNamed) }));
}
