import { expect, test } from 'vitest';
import { agentPodOf, agentRevisionLabel, byNode } from './agent-pod.ts';

const metadata = { name: 'agent-x', uid: 'uid', labels: { [agentRevisionLabel]: 'aaaaaaaaaa' } };
const waiting = (reason: string, message?: string, lastState?: object) =>
  agentPodOf({
    ...{ metadata, spec: { nodeName: 'a' } },
    status: { containerStatuses: [{ name: 'agent', state: { waiting: { reason, message } }, lastState }] },
  } as never);

test('an agent that crashes is in trouble, with the way to its last words', () => {
  const crashed = waiting('CrashLoopBackOff', 'back-off 10s', { terminated: { exitCode: 2, reason: 'Error' } });
  expect(crashed).toMatchObject({ node: 'a', revision: 'aaaaaaaaaa' });
  expect(crashed.trouble).toBe(
    'the agent does not run: CrashLoopBackOff. It ended with exit code 2 (Error). ' +
      'kubectl logs --previous of Pod agent-x has its last words. back-off 10s',
  );
});

test('what to do is said for what there is to do, before the words of others, which may be cut off', () => {
  const long = `Back-off pulling image: ${'failed to resolve reference '.repeat(20)}`;
  const said = (...args: Parameters<typeof waiting>) => waiting(...args).trouble?.slice(0, 200);
  expect(said('ImagePullBackOff', long)).toContain(
    "Check the image's name, spec.agent.imagePullSecrets and the registry",
  );
  expect(said('CrashLoopBackOff', long, { terminated: { exitCode: 137, reason: 'OOMKilled' } })).toContain(
    'exit code 137 (OOMKilled). Raise spec.agent.resources.limits.memory',
  );
  expect(said('CreateContainerConfigError', long)).toContain('kubectl describe of Pod agent-x says more');
});

/** As the DaemonSet controller makes it, before a scheduler has bound it. */
const unbound = (status: object) => {
  const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }];
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  return agentPodOf({ metadata, spec: { affinity: { nodeAffinity } }, status } as never);
};
const unschedulable = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'Unschedulable',
  message: '0/1: Insufficient cpu',
};

test('an agent for which its node has no room is in trouble, and known to belong there', () => {
  const pod = unbound({ conditions: [unschedulable] });
  expect(pod.node).toBe('a');
  expect(pod.trouble).toBe(
    'the agent does not run: Unschedulable. Lower spec.agent.resources; ' +
      'kubectl describe of Pod agent-x says more. 0/1: Insufficient cpu',
  );
  expect(unbound({}).trouble).toBeUndefined();
  // Others are made to leave.
  expect(unbound({ conditions: [unschedulable], nominatedNodeName: 'a' }).trouble).toBeUndefined();
});

test('an agent that only starts is not', () => {
  expect(waiting('ContainerCreating').trouble).toBeUndefined();
  expect(waiting('ErrImagePull').trouble).toBeUndefined();
  expect(agentPodOf({ metadata }).trouble).toBeUndefined();
});

test('of two Pods on a node the one that stays counts', () => {
  const pod = waiting('ContainerCreating');
  const leaving = { ...pod, uid: 'other', deleting: true };
  expect(byNode([leaving, pod]).get('a')?.uid).toBe('uid');
  expect(byNode([pod, leaving]).get('a')?.uid).toBe('uid');
  expect(byNode([leaving]).get('a')?.uid).toBe('other');
});
