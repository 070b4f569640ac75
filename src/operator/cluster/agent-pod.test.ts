import { expect, test } from 'vitest';
import { agentPodOf, agentRevisionLabel, byNode } from './agent-pod.ts';

const metadata = { name: 'agent-x', uid: 'uid', labels: { [agentRevisionLabel]: 'aaaaaaaaaa' } };
const waiting = (reason: string, message?: string, lastState?: object) =>
  agentPodOf({
    ...{ metadata, spec: { nodeName: 'a' } },
    status: { containerStatuses: [{ name: 'agent', state: { waiting: { reason, message } }, lastState }] },
  } as never);

test('an agent that crashes or whose image cannot be had is in trouble, with the way to its last words', () => {
  const crashed = waiting('CrashLoopBackOff', 'back-off 10s', { terminated: { exitCode: 2, reason: 'Error' } });
  expect(crashed).toMatchObject({ node: 'a', revision: 'aaaaaaaaaa' });
  expect(crashed.trouble).toBe(
    'the agent does not run: CrashLoopBackOff, back-off 10s. It ended with exit code 2 (Error). ' +
      'kubectl logs --previous of Pod agent-x has its last words',
  );
  expect(waiting('ImagePullBackOff').trouble).toContain('ImagePullBackOff');
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
