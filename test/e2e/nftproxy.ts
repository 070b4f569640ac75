import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { stringify } from 'yaml';
import { group, proxyConfigPlural, proxyNodeStatePlural, version } from '../../src/api/index.ts';
import type { ProxyConfig, ProxyNodeState } from '../../src/api/index.ts';
import { resourcePath } from '../../src/kubernetes/index.ts';
import { isReady, startCluster } from '../cluster/index.ts';
import type { Cluster, Pod } from '../cluster/index.ts';
import { listedSets, proxyConfigObject } from '../support/index.ts';
import type { LoadResult } from '../support/index.ts';

const repository = join(import.meta.dirname, '../..');

/** What people apply, in a checkout. */
const manifests = 'config/default';

/** The namespace that it names. */
export const defaultNamespace = 'nftproxy-system';

const clusterCIDRs = ['10.244.0.0/16', 'fd00:10:244::/48'];

/** For stories that are not about rollouts: canaries need not soak. */
const hasty = { canary: { soakSeconds: 0 } };

/** A ProxyConfig for every node, with its spec changed as a test needs it. */
export function proxyConfig(spec: object = {}): object {
  return proxyConfigObject({ detectLocal: { mode: 'ClusterCIDR' }, clusterCIDRs, rollout: hasty, ...spec });
}

/** What people change of it in an overlay. */
export interface Installation {
  readonly namespace?: string;
  /** In the place of `nftproxy`. */
  readonly image?: string;
  /** Folders of `config` that are components: `metrics-tls`. */
  readonly components?: readonly string[];
  /** Checkout of another version, whose manifests are applied. */
  readonly checkout?: string;
}

/** Applies what `config` ships, with an overlay as a user writes it. */
export async function applyConfig(cluster: Cluster, changes: Installation = {}): Promise<void> {
  await cluster.kubectl('apply', '-k', await overlay(cluster, changes));
}

/** Takes away what `config` ships, all at once, as `kubectl delete -k` does. */
export async function deleteConfig(cluster: Cluster, changes: Installation = {}): Promise<void> {
  await cluster.kubectl('delete', '-k', await overlay(cluster, changes), '--ignore-not-found');
}

/** Installs what `config` ships; the CRDs are served then, and an operator works. */
export async function installOperator(cluster: Cluster, changes: Installation = {}): Promise<void> {
  await cluster.image(changes.image);
  await applyConfig(cluster, changes);
  const crds = ['crd/proxyconfigs.nftproxy.io', 'crd/proxynodestates.nftproxy.io'];
  await cluster.kubectl('wait', '--for=condition=Established', ...crds, '--timeout=60s');
  const operator = ['-n', changes.namespace ?? defaultNamespace, 'deployment/nftproxy-operator'];
  await cluster.kubectl('wait', '--for=condition=Available', ...operator, '--timeout=120s');
}

/** A folder with the overlay. There is one machine for operators here, so there is one operator. */
async function overlay(cluster: Cluster, changes: Installation): Promise<string> {
  const { namespace, image, components = [], checkout = repository } = changes;
  const folder = join(cluster.workDir, 'overlay');
  await mkdir(folder, { recursive: true });
  const kustomization = {
    resources: [relative(folder, join(checkout, manifests))],
    replicas: [{ name: 'nftproxy-operator', count: 1 }],
    components: components.map((name) => relative(folder, join(checkout, 'config', name))),
    ...(namespace !== undefined && { namespace }),
    ...(image !== undefined && { images: [imageChange(image)] }),
  };
  await writeFile(join(folder, 'kustomization.yaml'), stringify(kustomization));
  return folder;
}

/** `name:tag`, in kustomize's words. */
function imageChange(image: string): object {
  const [newName, newTag] = image.split(':');
  return { name: 'nftproxy', newName, newTag };
}

export async function apply(cluster: Cluster, ...objects: object[]): Promise<void> {
  const documents = objects.map((object) => stringify(object)).join('---\n');
  await cluster.kubectlWithInput(documents, 'apply', '-f', '-');
}

/** Applies a ProxyConfig and waits until every node has it. */
export async function configure(cluster: Cluster, spec: object = {}): Promise<void> {
  await apply(cluster, proxyConfig(spec));
  await cluster.kubectl('wait', '--for=condition=Ready', 'nftpc/default', '--timeout=90s');
}

/** A ProxyConfig as it is now. What is asked again and again goes through a client: a kubectl costs a process each time. */
export function configOf(cluster: Cluster, name = 'default'): Promise<ProxyConfig> {
  return cluster.client.get(resourcePath({ group, version, plural: proxyConfigPlural, name }));
}

/** The ProxyNodeStates of all nodes. */
export async function nodeStates(cluster: Cluster): Promise<readonly ProxyNodeState[]> {
  const path = resourcePath({ group, version, plural: proxyNodeStatePlural });
  return (await cluster.client.listAll<ProxyNodeState>(path)).items;
}

/** A Deployment of echo servers and a dual-stack Service in front of it. */
export function echo(replicas: number): object[] {
  const labels = { app: 'echo' };
  const container = {
    name: 'echo',
    image: 'echo',
    ports: [{ containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
  };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'echo', namespace: 'default' },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 10, containers: [container] } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'echo', namespace: 'default' },
      spec: { ipFamilyPolicy: 'PreferDualStack', selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ];
}

/** A cluster in which requests of the pod `client`, on node-1, to the ClusterIP of the Service `echo` are answered. */
export async function startWithTraffic(nodes: number, spec: object): Promise<{ cluster: Cluster; ip: string }> {
  const cluster = await startCluster({ nodes });
  try {
    await installOperator(cluster);
    await apply(cluster, ...echo(3));
    await configure(cluster, spec);
    await cluster.kubectl('rollout', 'status', 'deployment/echo', '--timeout=60s');
    await cluster.runClientPod('client', 'node-1');
    const [ip] = (await clusterIps(cluster, 'echo')) as [string];
    await answered(cluster, ip);
    return { cluster, ip };
  } catch (error) {
    // Nobody else knows of it.
    await cluster.stop();
    throw error;
  }
}

/** Waits until the pod `client` is answered at an address. */
export async function answered(cluster: Cluster, address: string): Promise<void> {
  await cluster.waitFor('requests to be answered', async () => {
    return (await request(cluster, 'client', address, 5)).failures.length === 0;
  });
}

/** The ClusterIPs of a Service, IPv4 first. */
export async function clusterIps(cluster: Cluster, service: string): Promise<string[]> {
  const out = await cluster.kubectl('get', 'service', service, '-o', 'jsonpath={.spec.clusterIPs}');
  return JSON.parse(out) as string[];
}

/** The agent's pod on a node. @throws Error when there is none. */
export function agentOn(cluster: Cluster, nodeName: string): Pod {
  const labels = { 'app.kubernetes.io/component': 'agent' };
  const [pod] = cluster.pods({ nodeName, labels });
  if (pod === undefined) throw new Error(`there is no agent on ${nodeName}`);
  return pod;
}

/** Ends the agent's process on a node and waits until its successor is ready. */
export async function restartAgent(cluster: Cluster, nodeName: string, signal: NodeJS.Signals): Promise<void> {
  const before = restartsOf(agentOn(cluster, nodeName));
  process.kill(cluster.pid(agentOn(cluster, nodeName)), signal);
  await cluster.waitFor('the agent to be back', () => {
    const pod = agentOn(cluster, nodeName);
    return restartsOf(pod) > before && isReady(pod);
  });
}

function restartsOf(pod: Pod): number {
  return pod.status?.containerStatuses?.[0]?.restartCount ?? 0;
}

/** HTTP requests from a pod, each over a new connection. */
export async function request(cluster: Cluster, pod: string, address: string, count: number): Promise<LoadResult> {
  return (await cluster.podSpace(pod).resident()).load(urlOf(address), count);
}

/** From where and to which address requests go. */
export interface Traffic {
  readonly pod: string;
  readonly address: string;
}

/** Sends requests all the time while `during` runs. */
export async function requestWhile(
  cluster: Cluster,
  { pod, address }: Traffic,
  during: () => Promise<void>,
): Promise<LoadResult> {
  return (await cluster.podSpace(pod).resident()).loadWhile(urlOf(address), during);
}

function urlOf(address: string): string {
  return `http://${address.includes(':') ? `[${address}]` : address}/`;
}

/** nftproxy's table of a node in nft's words, without elements and counters. */
export function rules(cluster: Cluster, nodeName: string): Promise<string> {
  return cluster.nodeExec(nodeName, 'nft', '--stateless', '--terse', 'list', 'table', 'inet', 'nftproxy');
}

/** The elements of a map, in nft's words, sorted. */
export async function elements(cluster: Cluster, nodeName: string, map: string): Promise<string[]> {
  const [set] = await listedSets((...args) => cluster.nodeExec(nodeName, 'nft', ...args), map);
  return (set?.elements ?? []).toSorted();
}
