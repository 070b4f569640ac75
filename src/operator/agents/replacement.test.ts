import { describe, expect, test } from 'vitest';
import type { AgentPod } from '../cluster/index.ts';
import { replacementOf } from './replacement.ts';
import type { AgentsInput } from './replacement.ts';

const [old, new_] = ['aaaaaaaaaa', 'bbbbbbbbbb'];
const pod = (node: string, revision: string, rest: Partial<AgentPod> = {}): AgentPod => ({
  ...{ name: `agent-${node}`, uid: `uid-${node}`, node, revision, deleting: false, trouble: undefined },
  ...rest,
});

/** Four nodes with the old agent, which they were told to run. */
const settled = {
  told: { a: old, b: old, c: old, d: old },
  pods: [pod('a', old), pod('b', old), pod('c', old), pod('d', old)],
  ...{ known: [old, new_], inForce: old, wanted: new_, incomplete: false },
};

function decide(change: Partial<typeof settled>): { revision: string; pods: string[] } {
  const all = { ...settled, ...change };
  const input: AgentsInput = {
    ...all,
    told: new Map(Object.entries(all.told)),
    pods: new Map(all.pods.map((each) => [each.node ?? '', each])),
    known: new Set(all.known),
  };
  const { revision, pods } = replacementOf(input);
  return { revision, pods: pods.map(({ node }) => node ?? '') };
}

describe('the agents of nodes', () => {
  test('stay as nodes were told, whatever a newer operator brings along', () => {
    expect(decide({})).toEqual({ revision: old, pods: [] });
  });

  test('are made anew where another one was told, and the others are what a new node gets meanwhile', () => {
    const told = { ...settled.told, a: new_ };
    expect(decide({ told })).toEqual({ revision: new_, pods: ['a'] });
    const [, ...others] = settled.pods;
    expect(decide({ told, inForce: new_, incomplete: true, pods: others }), 'until its Pod is there').toEqual({
      revision: new_,
      pods: [],
    });
    expect(decide({ told, inForce: new_, pods: [pod('a', new_), ...others] })).toEqual({ revision: old, pods: [] });
  });

  test('are what most nodes were told, for a new node', () => {
    const told = { a: new_, b: new_, c: new_, d: old };
    const pods = [pod('a', new_), pod('b', new_), pod('c', new_), pod('d', old)];
    expect(decide({ told, pods })).toEqual({ revision: new_, pods: [] });
  });

  test('go back one kind after the other when nodes were told different ones', () => {
    const told = { ...settled.told, a: new_ };
    const pods = [pod('a', old), pod('b', new_), pod('c', old), pod('d', old)];
    expect(decide({ told, pods, inForce: new_ })).toEqual({ revision: new_, pods: ['a'] });
    expect(decide({ told, pods: [pod('a', new_), ...pods.slice(1)], inForce: new_ })).toEqual({
      revision: old,
      pods: ['b'],
    });
  });

  test('are not deleted twice', () => {
    const told = { ...settled.told, a: new_ };
    const pods = [pod('a', old, { deleting: true }), ...settled.pods.slice(1)];
    expect(decide({ told, pods, inForce: new_ })).toEqual({ revision: new_, pods: [] });
  });

  test('stay where nobody knows what the node was told to run', () => {
    expect(decide({ told: { ...settled.told, a: 'cccccccccc' } })).toEqual({ revision: old, pods: [] });
  });

  test('are not waited for where nothing can make them', () => {
    expect(decide({ told: { ...settled.told, a: new_ }, pods: settled.pods.slice(1) })).toEqual({
      revision: old,
      pods: [],
    });
  });

  test('are what the operator brings along as long as nobody was told anything', () => {
    expect(decide({ told: {} as typeof settled.told, pods: [], inForce: '' })).toEqual({ revision: new_, pods: [] });
  });
});
