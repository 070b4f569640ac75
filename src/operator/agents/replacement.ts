import type { AgentPod } from '../cluster/index.ts';

/** What the replacement of agents depends on. */
export interface AgentsInput {
  /** What nodes that are Ready were told to run, by name of the node; of those that were told nothing about it: empty. */
  readonly told: ReadonlyMap<string, string>;
  readonly pods: ReadonlyMap<string, AgentPod>;
  /** Revisions whose template is known. */
  readonly known: { has(revision: string): boolean };
  /** That of the template that is in force. */
  readonly inForce: string;
  /** What this operator wants agents to be made from. */
  readonly wanted: string;
  /** The DaemonSet has Pods to make. */
  readonly incomplete: boolean;
}

/** Which template is to be in force, and which Pods may go once it is. */
export interface Replacement {
  readonly revision: string;
  readonly pods: readonly AgentPod[];
}

/**
 * A DaemonSet has one template, and nodes are told to run different ones. So the template is what most nodes are told,
 * which is what a new node should get, but for the moment in which Pods of another revision have to be made.
 */
export function replacementOf(input: AgentsInput): Replacement {
  const usual = mostTold(input);
  const open = new Map<string, AgentPod[]>();
  for (const [node, revision] of told(input)) {
    const pod = input.pods.get(node);
    if (isDone(pod, revision) || !isAwaited(pod, input, revision === usual)) continue;
    open.set(revision, [...(open.get(revision) ?? []), ...(pod === undefined || pod.deleting ? [] : [pod])]);
  }
  const revision = open.has(input.inForce) ? input.inForce : ([...open.keys()].sort()[0] ?? usual);
  return { revision, pods: open.get(revision) ?? [] };
}

/** Those whose template is known. */
function told({ told: all, known }: AgentsInput): [string, string][] {
  return [...all].filter(([, revision]) => known.has(revision));
}

function isDone(pod: AgentPod | undefined, revision: string): boolean {
  return pod?.revision === revision && !pod.deleting;
}

/** Where no Pod is there may be nothing that could make one; and what is usual is made anyway. */
function isAwaited(pod: AgentPod | undefined, { incomplete }: AgentsInput, usual: boolean): boolean {
  return pod !== undefined || (incomplete && !usual);
}

/** What most nodes were told; what is wanted before anybody was told anything. */
function mostTold(input: AgentsInput): string {
  const counts = new Map<string, number>();
  for (const [, revision] of told(input)) counts.set(revision, (counts.get(revision) ?? 0) + 1);
  const [most] = [...counts].sort(([a, many], [b, few]) => few - many || (a < b ? -1 : 1));
  return most?.[0] ?? input.wanted;
}
