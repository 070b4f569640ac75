import { describe, expect, test } from 'vitest';
import { reasons } from './reasons.ts';
import type { ConditionType } from './reasons.ts';
import { machine, nothing, statusOf, summary } from './testing/index.ts';
import type { Said } from './testing/index.ts';

describe('a ProxyConfig says', () => {
  test.each<[string, ReturnType<typeof machine>[], Said, string]>([
    [
      'Ready when every node has it',
      [machine('a', 'ready'), machine('b', 'ready')],
      {},
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'CanaryInProgress while canaries try it, and while they soak',
      [machine('a', 'ready'), machine('b', 'not told')],
      { phase: 'Soaking' },
      'Accepted=True/Valid Reconciling=True/CanaryInProgress Degraded=False/AsExpected Ready=Unknown/CanaryInProgress',
    ],
    [
      'RollingOut while a node has not been told, though all others are ready',
      [machine('a', 'ready'), machine('b', 'not told')],
      { phase: 'Rolling' },
      'Accepted=True/Valid Reconciling=True/RollingOut Degraded=False/AsExpected Ready=Unknown/RollingOut',
    ],
    [
      'RolloutPaused, and that only a person will let it go on',
      [machine('a', 'ready'), machine('b', 'not told')],
      { phase: 'Paused' },
      'Accepted=True/Valid Stalled=True/RolloutPaused Degraded=False/AsExpected Ready=Unknown/RolloutPaused',
    ],
    [
      'RollingBack, and not yet that only a person can help',
      [machine('a', 'ready'), machine('b', 'failing')],
      { phase: 'RollingBack' },
      'Accepted=True/Valid Reconciling=True/RollingBack Degraded=True/RolloutFailed Ready=False/RolloutFailed',
    ],
    [
      'RolloutFailed, and that only a person can help, when nodes have gone back',
      [machine('a', 'not told')],
      { phase: 'RolledBack', failures: [{ name: 'a', reason: 'SyncFailing', message: 'no' }] },
      'Accepted=True/Valid Stalled=True/RolloutFailed Degraded=True/RolloutFailed Ready=False/RolloutFailed',
    ],
    [
      'ProgressDeadlineExceeded when nodes were silent',
      [machine('a', 'unreported')],
      { phase: 'Failed', failures: [{ name: 'a', reason: 'ProgressDeadlineExceeded', message: 'no' }] },
      'Accepted=True/Valid Stalled=True/ProgressDeadlineExceeded Degraded=True/RolloutFailed Ready=False/RolloutFailed',
    ],
    [
      'NodeJoining while the agent of a new node has not answered, or only about what it was told before',
      [machine('a', 'unreported'), machine('b', 'behind')],
      {},
      'Accepted=True/Valid Reconciling=True/NodeJoining Degraded=False/AsExpected Ready=Unknown/NodeJoining',
    ],
    [
      'NodesFailing when a new node has not answered for too long',
      [machine('a', 'unreported')],
      { now: new Date('2026-11-22T12:30:00Z') },
      'Accepted=True/Valid Degraded=True/NodesFailing Ready=False/NodesFailing',
    ],
    [
      'NodesFailing when all have answered and one cannot',
      [machine('a', 'ready'), machine('b', 'failing')],
      {},
      'Accepted=True/Valid Degraded=True/NodesFailing Ready=False/NodesFailing',
    ],
    [
      'NodesSilent when nothing is heard of an agent any more',
      [machine('a', 'ready'), machine('b', 'silent')],
      {},
      'Accepted=True/Valid Degraded=True/NodesSilent Ready=False/NodesSilent',
    ],
    [
      'NodesSilent, not that a node joins, when there are both',
      [machine('a', 'unreported'), machine('b', 'silent')],
      {},
      'Accepted=True/Valid Degraded=True/NodesSilent Ready=False/NodesSilent',
    ],
    [
      'RollingOut while others go on, and that an agent is silent',
      [machine('a', 'ready'), machine('b', 'silent')],
      { phase: 'Rolling' },
      'Accepted=True/Valid Reconciling=True/RollingOut Degraded=True/NodesSilent Ready=Unknown/RollingOut',
    ],
    [
      'nothing about the agent of a node that is NotReady',
      [machine('a', 'ready'), machine('b', 'silent', false)],
      {},
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'Ready without the node that is NotReady',
      [machine('a', 'ready'), machine('b', 'unreported', false), machine('c', 'failing', false)],
      {},
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'Ready where Services go through a proxy, and that their endpoints do not see clients',
      [machine('a', 'ready'), machine('b', 'proxied')],
      {},
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced ClientAddressesHidden=True/ServedByProxy',
    ],
    [
      'WaitingForNodes when no node can be asked',
      [machine('a', 'unreported', false)],
      {},
      'Accepted=True/Valid Reconciling=True/WaitingForNodes Degraded=False/AsExpected Ready=Unknown/WaitingForNodes',
    ],
    [
      'NoMatchingNode when it selects none',
      [],
      {},
      'Accepted=True/Valid Stalled=True/NoMatchingNode Degraded=False/AsExpected Ready=False/NoMatchingNode',
    ],
    [
      'Shadowed when it wins none of those it selects',
      [],
      { share: { ...nothing, selected: 4 } },
      'Accepted=False/Shadowed Stalled=True/Shadowed Degraded=False/AsExpected Ready=False/Shadowed',
    ],
    [
      'InvalidSpec, and that only a person can help',
      [machine('a', 'ready')],
      { errors: [{ path: 'spec.mode', message: 'must be one of nftables' }] },
      'Accepted=False/InvalidSpec Stalled=True/InvalidSpec Degraded=False/AsExpected Ready=False/InvalidSpec',
    ],
    [
      'UnknownFields when it has fields of a newer version, and goes on without them',
      [machine('a', 'ready')],
      { unknownFields: ['spec.hoverboard'] },
      'Accepted=True/UnknownFields Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'NodesUncovered when nodes that had it are selected by nobody any more',
      [],
      { share: { ...nothing, uncovered: ['b', 'a'] } },
      'Accepted=True/Valid Stalled=True/NoMatchingNode Degraded=True/NodesUncovered Ready=False/NoMatchingNode',
    ],
    [
      'AgentsWouldGo when where agents are to run would take them from too many of its nodes',
      [machine('a', 'ready'), machine('b', 'ready')],
      { wouldLoseAgents: ['a', 'b'] },
      'Accepted=True/Valid Stalled=True/AgentsWouldGo Degraded=False/AsExpected Ready=False/AgentsWouldGo',
    ],
    [
      'AgentNotRunning when agents have been missing for a while',
      [machine('a', 'ready')],
      { agents: { desired: 2, ready: 1, shortForSeconds: 31 } },
      'Accepted=True/Valid Degraded=True/AgentNotRunning Ready=True/AllNodesSynced',
    ],
    [
      'nothing about agents that are just being replaced',
      [machine('a', 'ready')],
      { agents: { desired: 2, ready: 1, shortForSeconds: 5 } },
      'Accepted=True/Valid Degraded=False/AsExpected Ready=True/AllNodesSynced',
    ],
    [
      'NodesDegraded when a node works but has something to report of itself',
      [machine('a', 'odd objects'), machine('b', 'degraded')],
      {},
      'Accepted=True/Valid Degraded=True/NodesDegraded Ready=True/AllNodesSynced',
    ],
    [
      'ObjectsWithProblems when all that nodes report is about Services',
      [machine('a', 'odd objects'), machine('b', 'odd objects')],
      {},
      'Accepted=True/Valid Degraded=True/ObjectsWithProblems Ready=True/AllNodesSynced',
    ],
  ])('%s', (_story, machines, input, expected) => {
    const status = statusOf(machines, input);
    expect(summary(status)).toBe(expected);
    for (const condition of status.conditions ?? []) {
      expect(condition.observedGeneration).toBe(3);
      // `as`: the lists are keyed by exactly these types.
      expect(reasons[condition.type as ConditionType]).toContain(condition.reason);
    }
  });
});
