import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient, loadConnection, resourcePath } from '../../src/kubernetes/index.ts';
import { startKubeApiServer } from '../cluster/index.ts';
import { eventually, runCommand } from '../support/index.ts';
import { config } from './manifests.ts';

const assets = process.env['KUBEBUILDER_ASSETS'] ?? '';
const namespace = 'nftproxy-system';
const label = 'nftproxy.io/kube-proxy';

// The API server of test/apiserver has no admission policies; admission.test.ts evaluates the same ones without a server.
describe.runIf(assets !== '')('what a stolen token can write, at a real API server', { timeout: 120_000 }, () => {
  let folder: string;
  let server: Awaited<ReturnType<typeof startKubeApiServer>>;
  let admin: ApiClient;
  let operator: ApiClient;

  const kubectl = (...args: string[]) =>
    runCommand('kubectl', args, { env: { ...process.env, KUBECONFIG: server.kubeconfig }, timeout: 60_000 });
  const clientWith = (token: string) => {
    const authorization = () => Promise.resolve(`Bearer ${token}`);
    const tls = () => Promise.resolve({ ca: server.certificateAuthority });
    return new ApiClient({ server: server.url, tls, authorization });
  };
  const tokenOf = async (serviceAccount: string, nodeName: string) => {
    const name = `${serviceAccount}-${nodeName}`;
    const containers = [{ name: 'one', image: 'nftproxy' }];
    const spec = { serviceAccountName: serviceAccount, nodeName, containers };
    const path = resourcePath({ version: 'v1', plural: 'pods', namespace });
    const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
    const { metadata } = await admin.create<{ metadata: { uid: string } }>(path, body);
    return server.issueToken({ namespace, serviceAccount, pod: { name, uid: metadata.uid, nodeName } });
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nftproxy-rights-'));
    server = await startKubeApiServer(assets, folder);
    admin = new ApiClient(await loadConnection({ kubeconfig: server.kubeconfig }));
    await kubectl('apply', '-k', join(config, 'default'));
    await admin.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
    operator = clientWith(await tokenOf('nftproxy-operator', 'node-1'));
    let tried = 0;
    await eventually('the policies to be in force', async () => {
      // Another value each time: what changes nothing is allowed.
      await expect(patchNode({ metadata: { labels: { tried: String(++tried) } } })).rejects.toThrow('denied request');
      return true;
    });
  }, 120_000);
  afterAll(async () => {
    await Promise.all([admin.close(), operator.close()]);
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const patchNode = (patch: object) => operator.mergePatch('/api/v1/nodes/node-1', patch);
  const gone = { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '11111111-1111-1111-1111-111111111111' };

  test('the operator’s: its label of a Node', async () => {
    await patchNode({ metadata: { labels: { [label]: 'parked' } } });
    await patchNode({ metadata: { labels: { [label]: 'restoring' } } });
    await patchNode({ metadata: { labels: { [label]: null } } });
  });

  test.each([
    { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } },
    { metadata: { annotations: { a: 'b' } } },
    { metadata: { finalizers: ['example.io/x'] } },
    { metadata: { ownerReferences: [gone] } },
    { spec: { unschedulable: true } },
  ])('and nothing else of a Node: %j', async (patch) => {
    await expect(patchNode(patch)).rejects.toThrow('may change nothing of a Node but its label');
  });

  describe('of kube-proxy’s DaemonSet', () => {
    const path = resourcePath({ group: 'apps', version: 'v1', plural: 'daemonsets', namespace: 'kube-system' });
    const pod = (spec: object) => ({ spec: { template: { spec } } });
    const patchKubeProxy = (patch: object) => operator.mergePatch(`${path}/kube-proxy`, patch);

    beforeAll(async () => {
      const labels = { 'k8s-app': 'kube-proxy' };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'kube-proxy', image: 'kube-proxy:v1' }] } };
      await admin.create(path, {
        ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'kube-proxy' } },
        spec: { selector: { matchLabels: labels }, template },
      });
    });

    test('the operator’s: the affinity, and back', async () => {
      const matchExpressions = [{ key: label, operator: 'NotIn', values: ['parked'] }];
      const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms: [{ matchExpressions }] };
      const away = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution } };
      expect(await patchKubeProxy(pod({ affinity: away }))).toMatchObject(pod({ affinity: away }));
      expect(await patchKubeProxy(pod({ affinity: null }))).not.toHaveProperty('spec.template.spec.affinity');
    });

    test.each([
      pod({ containers: [{ name: 'kube-proxy', image: 'else' }] }),
      pod({ hostPID: true, hostNetwork: true }),
      pod({ nodeSelector: { a: 'b' }, securityContext: { runAsUser: 0 } }),
      pod({ imagePullSecrets: [{ name: 's' }], schedulerName: 'mine' }),
      pod({ affinity: { nodeAffinity: {} }, tolerations: [{ operator: 'Exists' }] }),
      { spec: { template: { metadata: { annotations: { a: 'b' } } } } },
      { spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null } } },
      { spec: { minReadySeconds: 9 } },
      { metadata: { labels: { x: 'y' } } },
      { metadata: { annotations: { x: 'y' } } },
      { metadata: { finalizers: ['example.io/x'] } },
      { metadata: { ownerReferences: [gone] } },
    ])('and nothing else: %j', async (patch) => {
      await expect(patchKubeProxy(patch)).rejects.toThrow('may change nothing of a DaemonSet but the affinity');
    });
  });

  describe('of Events', () => {
    const path = resourcePath({ group: 'events.k8s.io', version: 'v1', plural: 'events', namespace: 'kube-system' });
    const event = (name: string, reportingController: string, reportingInstance: string) => ({
      ...{
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name },
        eventTime: '2026-01-01T00:00:00.000000Z',
      },
      ...{ reportingController, reportingInstance, action: 'Test', reason: 'Test', type: 'Normal', note: 'a test' },
      regarding: { apiVersion: 'v1', kind: 'Pod', namespace: 'kube-system', name: 'any' },
    });
    const series = { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' };
    let agent: ApiClient;
    beforeAll(async () => {
      agent = clientWith(await tokenOf('nftproxy-agent', 'node-1'));
      await admin.create(path, event('kubelet.1', 'kubelet', 'node-1'));
      await admin.create(path, event('node-2.1', 'nftproxy-agent', 'node-2'));
    });
    afterAll(() => agent.close());

    test('those that they report themselves, as they are written by them', async () => {
      await agent.create(path, event('own.1', 'nftproxy-agent', 'node-1'));
      await agent.mergePatch(`${path}/own.1`, { series });
      await agent.create(path, event('shared.1', 'nftproxy-agent', 'nftproxy-agent'));
      await operator.create(path, event('own.2', 'nftproxy-operator', 'nftproxy-operator-1'));
      await operator.mergePatch(`${path}/own.2`, { series });
    });

    test('no others, new or there already', async () => {
      const forged = { ...event('x.2', 'nftproxy-agent', 'node-1'), deprecatedSource: { component: 'kubelet' } };
      for (const mine of [agent, operator]) {
        await expect(mine.create(path, event('x.1', 'kubelet', 'node-1'))).rejects.toThrow('report themselves');
        await expect(mine.mergePatch(`${path}/kubelet.1`, { series })).rejects.toThrow('report themselves');
        await expect(mine.mergePatch(`${path}/kubelet.1`, { metadata: { labels: { a: 'b' } } })).rejects.toThrow(
          'report themselves',
        );
      }
      await expect(agent.create(path, forged)).rejects.toThrow('source: Invalid value: "": needs to be unset');
      await expect(agent.create(path, event('x.3', 'nftproxy-operator', 'x'))).rejects.toThrow('report themselves');
    });

    test('none of the agent of another node', async () => {
      await expect(agent.create(path, event('x.4', 'nftproxy-agent', 'node-2'))).rejects.toThrow('node it runs on');
      await expect(agent.mergePatch(`${path}/node-2.1`, { series })).rejects.toThrow('node it runs on');
    });
  });
});
