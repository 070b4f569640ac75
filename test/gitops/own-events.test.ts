import { expect, test } from 'vitest';
import { refusalBy } from './policies.ts';

const event = (reportingController: string, reportingInstance: string) => ({
  metadata: { name: 'web.1', namespace: 'default' },
  ...{ reportingController, reportingInstance, reason: 'ServicePortRefused', type: 'Warning' },
});

/** The answer to an account of nftproxy, in a Pod of node-1. */
function refusal(account: string, object: object, oldObject: object | null = null) {
  const extra = { 'authentication.kubernetes.io/node-name': ['node-1'] };
  return answer({ username: `system:serviceaccount:elsewhere:${account}`, extra }, object, oldObject);
}

function answer(userInfo: object, object: object, oldObject: object | null = null) {
  return refusalBy('nftproxy-own-events', { object, oldObject, request: { userInfo } });
}

test('an agent writes Events in the name of its node, and those that agents tell alike', () => {
  const own = event('nftproxy-agent', 'node-1');
  expect(refusal('nftproxy-agent', own)).toBeUndefined();
  expect(refusal('nftproxy-agent', { ...own, series: { count: 2 } }, own)).toBeUndefined();
  expect(refusal('nftproxy-agent', event('nftproxy-agent', 'nftproxy-agent'))).toBeUndefined();
});

test('the operator writes its own', () => {
  const own = event('nftproxy-operator', 'nftproxy-operator-7d9c-x');
  expect(refusal('nftproxy-operator', own)).toBeUndefined();
  expect(refusal('nftproxy-operator', { ...own, series: { count: 2 } }, own)).toBeUndefined();
});

test.each([
  ['nftproxy-agent', 'kubelet', 'node-1'],
  ['nftproxy-agent', 'nftproxy-operator', 'node-1'],
  ['nftproxy-agent', '', 'node-1'],
  ['nftproxy-operator', 'nftproxy-agent', 'node-1'],
  ['nftproxy-operator', 'kube-controller-manager', 'nftproxy-operator'],
])('%s tells nothing as %j', (account, controller, instance) => {
  const foreign = event(controller, instance);
  expect(refusal(account, foreign)).toMatch(/that they report themselves/);
  expect(refusal(account, event(account, 'node-1'), foreign)).toMatch(/that they report themselves/);
});

test('an agent neither writes nor changes Events of the agent on another node', () => {
  const [own, foreign] = [event('nftproxy-agent', 'node-1'), event('nftproxy-agent', 'node-2')];
  expect(refusal('nftproxy-agent', foreign)).toMatch(/of the node it runs on/);
  expect(refusal('nftproxy-agent', own, foreign)).toMatch(/of the node it runs on/);
});

test('a token of no Pod writes in the name of no node', () => {
  const userInfo = { username: 'system:serviceaccount:elsewhere:nftproxy-agent' };
  expect(answer(userInfo, event('nftproxy-agent', 'node-1'))).toMatch(/of the node it runs on/);
});

test('it is about nobody else', () => {
  expect(refusal('event-exporter', event('kubelet', 'node-2'))).toBeUndefined();
});
