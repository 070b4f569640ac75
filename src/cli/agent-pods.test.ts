import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiServer } from '../../test/apiserver/index.ts';
import { agentLabels } from '../api/index.ts';
import { AgentPods } from './agent-pods.ts';

let directory: string;
let server: Awaited<ReturnType<typeof startApiServer>>;
let pods: AgentPods;

const pod = (name: string, nodeName: string, state?: Record<string, Record<string, string>>) => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  metadata: { name, namespace: 'proxies', labels: agentLabels },
  spec: { nodeName, containers: [{ name: 'agent', image: 'nftproxy' }] },
  status: { phase: 'Pending', ...(state && { containerStatuses: [{ name: 'agent', state }] }) },
});

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nftproxy-agent-pods-'));
  server = await startApiServer({ dataDirectory: directory });
  server.load([
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'bare' } },
    pod('a', 'runs', { running: {} }),
    pod('b', 'crashes', { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } }),
    pod('c', 'begins'),
    { ...pod('d', 'begins'), metadata: { name: 'd', namespace: 'proxies', labels: { app: 'other' } } },
  ]);
  pods = await AgentPods.connect(server.kubeconfig);
});
afterAll(async () => {
  await pods.close();
  await server.stop();
  await rm(directory, { recursive: true });
});

describe('to ask the agent on a node', () => {
  test('it is looked for in every namespace', async () => {
    expect(await pods.nodes()).toEqual(['begins', 'crashes', 'runs']);
  });

  test.each([
    ['nowhere', 'the cluster has no Node "nowhere"'],
    ['runs,a=b', 'the cluster has no Node "runs,a=b"'],
    ['bare', 'no agent of nftproxy runs on node bare'],
    ['crashes', 'the agent on node crashes (Pod proxies/b) does not run: CrashLoopBackOff: back-off 10s'],
    ['begins', 'the agent on node begins (Pod proxies/c) does not run: its phase is Pending'],
    [
      'runs',
      'GET /api/v1/namespaces/proxies/pods/a/exec: 500 InternalError: Internal error occurred: error dialing backend',
    ],
  ])('that cannot be asked, %s, says why', async (node, why) => {
    await expect(pods.run(node, ['explain'])).rejects.toThrow(why);
  });
});
