import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resourcePath } from '../../src/kubernetes/index.ts';
import { startCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { isReady } from './runtime/objects.ts';

const root = process.getuid?.() === 0;

const daemonSet = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'probe-me', namespace: 'kube-system' },
  spec: {
    selector: { matchLabels: { app: 'probe-me' } },
    template: {
      metadata: { labels: { app: 'probe-me' } },
      spec: {
        hostNetwork: true,
        serviceAccountName: 'probe-me',
        terminationGracePeriodSeconds: 2,
        containers: [
          {
            name: 'main',
            image: 'test',
            command: [
              process.execPath,
              '-e',
              `console.log(process.env.MESSAGE, require('fs').readdirSync('/var/run/secrets/kubernetes.io/serviceaccount').join());
              require('http').createServer((q, s) => s.end('$(MESSAGE)')).listen(8099)`,
            ],
            env: [
              { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
              { name: 'MESSAGE', value: 'hello from $(NODE)' },
            ],
            readinessProbe: { httpGet: { path: '/', port: 8099 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
};

const echo = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'echo', namespace: 'default' },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'echo' } },
    template: {
      metadata: { labels: { app: 'echo' } },
      spec: {
        terminationGracePeriodSeconds: 5,
        containers: [
          {
            name: 'echo',
            image: 'echo',
            ports: [{ name: 'http', containerPort: 8080 }],
            readinessProbe: { httpGet: { port: 'http' }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
};

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'echo', namespace: 'default' },
  spec: {
    ipFamilyPolicy: 'PreferDualStack',
    selector: { app: 'echo' },
    ports: [{ name: 'http', port: 80, targetPort: 'http' }],
  },
};

interface Slice {
  addressType: string;
  endpoints?: { addresses: string[]; conditions: object; zone: string }[];
  ports: object[];
}

describe.skipIf(!root)('a cluster on one machine (needs root: network namespaces)', { timeout: 120_000 }, () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
  }, 120_000);
  afterAll(() => cluster.stop(), 60_000);

  const apply = (object: object, ...args: string[]) =>
    cluster.kubectlWithInput(JSON.stringify(object), 'apply', '-f', '-', ...args);
  const slices = async (): Promise<Slice[]> => {
    const out = await cluster.kubectl('get', 'endpointslices', '-l', 'kubernetes.io/service-name=echo', '-o', 'json');
    return (JSON.parse(out) as { items: Slice[] }).items;
  };
  const readyEndpoints = async () =>
    (await slices())
      .flatMap((slice) => slice.endpoints ?? [])
      .filter((endpoint) => 'ready' in endpoint.conditions && endpoint.conditions.ready);

  test('kubectl sees the nodes, ready, with their pod CIDRs', async () => {
    const nodes = await cluster.kubectl(
      'get',
      'nodes',
      '-o',
      'jsonpath={.items[*].metadata.name} {.items[0].spec.podCIDRs}',
    );
    expect(nodes).toBe('node-1 node-2 ["10.244.1.0/24","fd00:10:244:1::/64"]');
    await cluster.kubectl('wait', '--for=condition=Ready', 'node', '--all', '--timeout=10s');
  });

  test('the API server answers on its address of the nodes network', async () => {
    const ca = join(cluster.workDir, 'ca.crt');
    await writeFile(ca, cluster.apiServer.certificateAuthority);
    const script = `console.log((await fetch('https://172.30.0.2:6443/version')).status)`;
    const status = await cluster.nodeExec('node-2', 'env', `NODE_EXTRA_CA_CERTS=${ca}`, process.execPath, '-e', script);
    expect(Number(status)).toBeGreaterThanOrEqual(200);
  });

  test('a DaemonSet becomes a process on every node, with its environment, token and probe', async () => {
    await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'probe-me', namespace: 'kube-system' } });
    await apply(daemonSet);
    await cluster.kubectl('rollout', 'status', '-n', 'kube-system', 'daemonset/probe-me', '--timeout=60s');
    const pods = cluster.pods({ labels: { app: 'probe-me' } });
    expect(pods.map((pod) => pod.spec.nodeName).toSorted()).toEqual(['node-1', 'node-2']);
    expect(pods.map((pod) => pod.status?.podIP).toSorted()).toEqual(['172.30.0.11', '172.30.0.12']);
    const logs = await cluster.logs('probe-me');
    expect(logs).toContain('hello from node-1 ca.crt,namespace,token');
    expect(logs).toContain('hello from node-2 ca.crt,namespace,token');
  });

  test('a killed process comes back, and its pod counts the restart', async () => {
    const pod = cluster.pods({ labels: { app: 'probe-me' }, nodeName: 'node-1' })[0]!;
    const pid = cluster.pid(pod);
    process.kill(pid, 'SIGKILL');
    await cluster.waitFor('the restart', () => {
      const now = cluster.pods({ name: pod.metadata.name })[0]!;
      return isReady(now) && now.status?.containerStatuses?.[0]?.restartCount === 1;
    });
    expect(cluster.pid(pod)).not.toBe(pid);
  });

  test('a changed template replaces the pods one node after the other', async () => {
    const before = cluster.pods({ labels: { app: 'probe-me' } }).map((pod) => pod.metadata.name);
    const changed = structuredClone(daemonSet);
    changed.spec.template.spec.containers[0]!.env[1]!.value = 'second from $(NODE)';
    await apply(changed);
    await cluster.kubectl('rollout', 'status', '-n', 'kube-system', 'daemonset/probe-me', '--timeout=60s');
    const after = cluster.pods({ labels: { app: 'probe-me' } }).map((pod) => pod.metadata.name);
    expect(after).toHaveLength(2);
    expect(after.filter((name) => before.includes(name))).toEqual([]);
    expect(await cluster.logs('probe-me')).toContain('second from node-2');
  });

  test('a Deployment behind a Service gets pods on all nodes and EndpointSlices of both families', async () => {
    await apply(service);
    await apply(echo);
    await cluster.kubectl('rollout', 'status', 'deployment/echo', '--timeout=60s');
    await cluster.waitFor('six ready endpoints', async () => (await readyEndpoints()).length === 6);
    const bySlice = await slices();
    expect(bySlice.map((slice) => slice.addressType).toSorted()).toEqual(['IPv4', 'IPv6']);
    expect(bySlice[0]!.ports).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }]);
    expect(new Set(bySlice[0]!.endpoints!.map(({ zone }) => zone))).toEqual(new Set(['zone-1', 'zone-2']));
  });

  test('pods answer on their own addresses and tell which client they saw', async () => {
    await cluster.runClientPod('client', 'node-1');
    const { status } = cluster.pods({ labels: { app: 'echo' }, nodeName: 'node-2' })[0]!;
    const script = `console.log(await (await fetch('http://' + process.argv[1] + ':8080')).text())`;
    for (const { ip } of status!.podIPs!) {
      const host = ip.includes(':') ? `[${ip}]` : ip;
      const answer: unknown = JSON.parse(await cluster.exec('client', process.execPath, '-e', script, host));
      expect(answer).toMatchObject({
        node: 'node-2',
        client: expect.stringMatching(/^(10\.244\.1\.|fd00:10:244:1::)\d+$/) as string,
      });
    }
  });

  test('an endpoint that leaves is first terminating, then gone, and so is its pod', async () => {
    await cluster.kubectl('scale', 'deployment/echo', '--replicas=2');
    const terminating = () =>
      slices().then((all) =>
        all
          .flatMap((slice) => slice.endpoints ?? [])
          .find((endpoint) => 'terminating' in endpoint.conditions && endpoint.conditions.terminating),
      );
    const endpoint = await cluster.waitFor('a terminating endpoint', terminating);
    expect(endpoint.conditions).toEqual({ ready: false, serving: true, terminating: true });
    await cluster.waitFor(
      'four endpoints in all',
      async () => (await slices()).flatMap((slice) => slice.endpoints ?? []).length === 4,
    );
    expect(cluster.pods({ labels: { app: 'echo' } })).toHaveLength(2);
  });

  test('nodes can be cut off from the API server and come back', async () => {
    const script = `process.env.NODE_TLS_REJECT_UNAUTHORIZED='0'; try { console.log((await fetch('https://172.30.0.2:6443/version')).status > 0) } catch { console.log('no') }`;
    const ask = async () => (await cluster.nodeExec('node-1', process.execPath, '--no-warnings', '-e', script)).trim();
    await cluster.setApiServerReachable(false);
    expect(await ask()).toBe('no');
    await cluster.setApiServerReachable(true);
    expect(await ask()).toBe('true');
  });

  test('a deleted DaemonSet takes its pods along', async () => {
    await cluster.client.delete(
      resourcePath({ group: 'apps', version: 'v1', plural: 'daemonsets', namespace: 'kube-system', name: 'probe-me' }),
    );
    await cluster.waitFor('the pods to go', () => cluster.pods({ labels: { app: 'probe-me' } }).length === 0);
  });
});
